--- languages/tr: Turkish; rules.lua says what its lines mean.
return [[
[nsfw rejected 0.95]
sikiş*, sikis*, sikmek, siktir*, amcık*, yarrak*, orospu*, çıplak kadın*, çıplak kız*, seks, göt sikme
memeler, azgın kız*
[graphic_violence rejected 0.9]
kafa kesme, işkence videosu, vahşice öldür*
[hate_speech rejected 0.95]
pis yahudi, pis ermeni, pis kürt, ibne, ibneler, gavur pislik*
[illegal rejected 0.95]
çocuk pornosu, kokain satın al, sahte para
[spam flagged 0.8]
kolay para, bedava para
[allow]
sıkıştı, sıkışık, sıkışma, sıkışmış, sıkıştır
seks eğitimi
]]
