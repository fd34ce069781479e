--- languages/es: Spanish; rules.lua says what its lines mean.
return [[
[nsfw rejected 0.95]
follar, follando, puta, putas, coño, polla dura, tetas, desnuda, desnudas, chicas desnudas, mamada*, pajear*, sexo
sexo oral, culos desnudos, zorra caliente, orgía, orgías
[graphic_violence rejected 0.9]
decapita*, degolla*, descuartiza*, video de tortura
[hate_speech rejected 0.95]
sudaca*, maricón, maricones, judío de mierda, negro de mierda, moro de mierda, puto negro
[illegal rejected 0.95]
pornografía infantil, comprar cocaína, dinero falso
[spam flagged 0.8]
dinero fácil, gana dinero rápido, dinero gratis
[allow]
sexo del bebé, igualdad de sexo, educación sexual, sexo débil
]]
