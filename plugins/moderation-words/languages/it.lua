--- languages/it: Italian; rules.lua says what its lines mean.
return [[
[nsfw rejected 0.95]
scopare la, scopata*, troia, troie, puttana, puttane, figa bagnata, pompino, pompini, tette, donne nude, ragazze nude
sesso, cazzo duro, sborra*, ragazza nuda, donna nuda
[graphic_violence rejected 0.9]
decapitazion*, sgozza*, squarta*, smembra*
[hate_speech rejected 0.95]
sporco negro, sporchi negri, sporco ebreo, frocio, froci, terrone di merda, zingaro di merda
[illegal rejected 0.95]
pedopornograf*, comprare cocaina, soldi falsi
[spam flagged 0.8]
soldi facili, soldi gratis
[allow]
guerra di troia, cavallo di troia, città di troia, elena di troia, uguaglianza di sesso, sesso del gattino
]]
