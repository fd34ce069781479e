--- languages/pt: Portuguese; rules.lua says what its lines mean.
return [[
[nsfw rejected 0.95]
foder, fodendo, buceta*, caralho, putaria, boquete*, peitos nus, mulher nua, mulheres nuas, punheta*, gozada na
xoxota*
transando, nudez
[graphic_violence rejected 0.9]
decapitação, esquartej*, degolad*
[hate_speech rejected 0.95]
viado de merda, preto de merda, judeu de merda, macaco preto, sapatão nojenta
[illegal rejected 0.95]
pornografia infantil, comprar cocaína, dinheiro falso
[spam flagged 0.8]
dinheiro fácil, ganhe dinheiro rápido, dinheiro grátis
[allow]
educação sexual, sexo do bebê
]]
