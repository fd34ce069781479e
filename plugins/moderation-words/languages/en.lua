--- languages/en: English; rules.lua says what its lines mean.
return [[
[nsfw rejected 0.95]
porn*, pron, nude, nudes, nudity, nsfw, xxx, 18+, sex, sexual, sexting, sexy nude, explicit, hentai, blowjob*
handjob*, cumshot*, creampie porn, milf, gangbang*, threesome, orgy, orgies, masturbat*, dildo*, pussy, cock pic
dick pic, dick pics, dickpic*, boobs, tits, titties, naked girl, naked girls, naked women, onlyfans leak*, camgirl*
fuck*, motherfuck*, deepthroat*, bukkake, erotic*, striptease, upskirt*, bdsm, fetish porn, anal sex, adult content
adult video, adult videos, adults only, mature content
[graphic_violence rejected 0.9]
gore, beheading*, decapitat*, dismember*, disembowel*, snuff film, torture video, graphic violence, graphic scenes
brutal murder, bloody murder, blood and guts, mutilat*, execution video
[hate_speech rejected 0.95]
nazi, nazis, neonazi*, heil hitler, sieg heil, white power, white supremac*, supremacist*, racist, racial slur
nigger*, nigga, niggas, niggaz, faggot*, kike, kikes, chink, spic, tranny, hate speech, gas the jews
ethnic cleansing, 1488
[hate_speech flagged 0.7]
hate, hitler
[illegal rejected 0.95]
child porn*, childporn, cp porn, buy cocaine, buy heroin, buy meth, stolen credit cards, fake passport*
jailbait, underage sex, bomb making
[illegal flagged 0.7]
kill yourself, kys, cocaine for sale
[spam flagged 0.8]
free money, online casino, crypto giveaway, work from home and earn, cheap viagra, buy followers
[allow]
pussy willow, pussy willows, pussy cat, pussy riot, pussycat, cocktail, dickens, scunthorpe, essex, sussex, middlesex
sex education, same sex, opposite sex, sex ratio, sex chromosome, sex chromosomes, safe sex, unisex, sextant
sex of the, sex determination, fair sex, nude lipstick, nude heels, nude color, nude colour, nude shade
anti nazi, nazi germany, nazi hunter, nazi history, nazi occupation, nazi era, hate mondays, hate monday, i hate when
hate it when, hate crime law, stop hate, love hate, no hate, against hate, spic and span, chink in the armor
chink in the armour, explicit instructions, explicit type, explicit types, be explicit, explicit formula, blue tits
great tits, coal tits, great tit, tits and finches, anti racist, not racist, racist no more, hate broccoli
grindcore gore, gore tex, al gore, gore verbinski, parental advisory explicit, pornic, sexual reproduction
sexual selection, gender and sexual equality, sexual health, ex racist, xxx olympiad, super bowl xxx, chapter xxx
stop racist, niggardly, no hate, graphic design
]]
