--- languages/de: German; rules.lua says what its lines mean.
return [[
[nsfw rejected 0.95]
ficken, fick, ficke, fickst, fickt, ficker, fickerei, gefickt, wichs*, fotze*, möse, titten, arschfick*, muschi*
nackte frauen, nackte frau, nacktbild*
nacktfoto*, nacktvideo*, sexfilm*, sexvideo*, sexbild*, bumsen, blasen und ficken, hure, huren, hurensohn*, nutte*
schwanzlutsch*
[graphic_violence rejected 0.9]
enthauptung*, zerstückel*, blutbad, foltervideo*, abgeschlachtet*
[hate_speech rejected 0.95]
judensau*, judenschwein*, kanake*, neger, untermensch*, ausländer raus, volksverräter*, schwuchtel*, nazischwein*
[illegal rejected 0.95]
kinderporn*, kokain kaufen, falschgeld*
[spam flagged 0.8]
schnelles geld, gratis geld, geld verdienen von zu hause
[allow]
muschi die katze, muschi schläft, katze muschi, hurenkind im satz
fick und partner, fickle, fickleness, fickler, ficklest
]]
