--- languages/fr: French; rules.lua says what its lines mean.
return [[
[nsfw rejected 0.95]
baise moi, baiser une, salope, salopes, saloperie*, putain de salope, pute, putes, bite en, nichons, branlette*
branler, enculer, encule*
fellation*, femmes nues, femme nue, filles nues, fille nue, sexe, partouze*, chatte mouillée
[graphic_violence rejected 0.9]
décapitation*, égorg*, démembre*, éventr*
[hate_speech rejected 0.95]
sale juif, sales juifs, sale arabe, sales arabes, bougnoule*, youpin*, négro*, pédale de merde, sale pédé
[illegal rejected 0.95]
pédopornograph*, acheter de la cocaïne, faux billets
[spam flagged 0.8]
argent facile, gagner de l'argent rapidement
[allow]
égalité des sexes, sexe du chaton, négroni, negroni*
]]
