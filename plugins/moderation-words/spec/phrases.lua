--- Phrases as people write them, by hand, parted by bars. What is guilty must be found, what is innocent must not.
return { innocent = [[
Essex | bloodhound | graphic design | premature | chateau | sextant | adulting | Scunthorpe | Dickens | cocktail
Charles Dickens | Middlesex county | Sussex downs | MiddleSex | peacock | shuttlecock | woodcock | Hancock | cockpit
cockatoo | cockroach | Alfred Hitchcock | assassin | class pass | bass guitar | grass | assessment | passage
embarrassed | analysis | analog | canal | banal | psychoanalysis | therapist | grapes | grapefruit | drape | scrape
skyscraper | mass | massage chair | title | titan | constitution | titillate | attitude | competition | document
cucumber | accumulate | cumin | circumstance | scum | vacuum | button | butter | rebuttal | butterfly
shitake mushrooms | mishit | Matsushita | swastika shaped window | pussy willow | pussycat dolls | puss in boots
octopus | Dick Tracy | Moby Dick | dictionary | predict | addict | verdict | sex education | same sex marriage
unisex clothing | asexual plants | sexton | Sexagesima | bisection | intersection | sextet | hello kitty
kill the lights | kill bill | buzzkill | killer whale | skill | painkiller | hate mondays | love hate | stop hate
chinking glasses | chink in the armor | spic and span | despicable me | conspicuous | spice girls | niggle
niggardly | snigger | denigrate | Niger | Nigeria | raccoon | tycoon | cocoon | Homo sapiens | homogeneous
homework | nuance | denude | nudge | manure | pornic | Pornic beach in summer | popcorn | corn | unicorn | acorn
torn | born in 1988 | blood donation | blood orange | young adult novel | adult swim | mature trees | mature cheddar
graphic novel | blood moon | explicit instructions | great tits in the garden | blue tits | tit for tat | titmouse
boob tube | booby trap | bookworm | goreng rice | Gore-Tex jacket | Al Gore | category | allegory | Gregory
gorgeous | gorilla | Nazi Germany documentary | anti nazi protest | ashkenazi | Nazareth
hitler was defeated in history class, no hate | violence prevention | execution time of a query
master and commander | webmaster | mastermind | fuchsia | fuchs im schnee | fact check | duck | duck you autocorrect
firetruck | truck | shirt | sheet music | beach | son of a beach | a55 road | A 1 b 2 c 3 | a b c d e f | A.B.C.
U.S.A. road trip | h264 mp4 | c3po and r2d2 | 1984 | 4k video | 8bit art | i18n | l10n | 3d printing | C++ | 18
18 wheels | free monkey | money | viagra falls | online shopping | casino royale | crypto cat | work from home
der Fuchs | die dicke Katze | dick und doof | Katze muschelt | Muscheln kochen | schwanzwedelnder Hund | Spritztour
Hurensohle | schon schön | Uhrwerk | Analyse | Begegnung | Wichtel | Wichtig | Hurrikan | Arsch der Welt
chat mignon | chatte grise | le chat dort | bitume | habite | député | dispute | réputation | computer
salopette | négroni | concours | égalité des sexes | sexe du chaton | baiser de cinéma | el año nuevo | año
computadora | disputa | reputación | diputado | coneja | tetera | cohete | sexto | sextos | zorra roja en el bosque
polla asada | educación sexual | carvalho | carvalhos | o gato preto | transatlântico | rabo de gato
guerra di Troia | cavallo di Troia | città di Troia | petto | tetto | sessanta | ossessione | figaro | scopa magica
trota | puttino | pompiere | кот танцует | страховка | хлебать | употреблять
застрахуй | оскорблять | команда | мандарин | рот кота | спортнога
секстант | хачапури | трахея | чурчхела | жидкость | жидкий азот
бляха | мебель | потребитель | сабля | sıkıştı | sikke | siklon | kedi | memleket
sekreter | seksen | seksek | göt | klasik | müzik | fizik | dans eden kedi
]], guilty = [[
1488 | Kanaken | Neger | la pute | puta | caralho | boquete | porn | free porn | PORN | PoRn videos | p0rn | p.o.r.n
p o r n | p-o-r-n | p_o_r_n | pоrn | pooorn | poooooorn | p​orn | pörn | ｐｏｒｎ | 𝓹𝓸𝓻𝓷 | po-rn
po.rn | P0RN0 | pr0n | freePorn | PornHub | porn2024 | porno | pornography | pornstar | nude | NUDE | nudes
n.u.d.e | n u d e s | nüde | nud3s | nuuude | send nudes | nude girls | nudity | nsfw | NSFW!!! | n.s.f.w | xxx
xXx videos | 18+ | 18+ only | sex | SEX | s3x | $ex | s.e.x | s e x | 5ex | sеx | s​ex | sex69 | sexting
hot sex tape | anal sex | dick pic | dick pics | d1ck pics | cock pic | blowjob | bl0wjob | blow-job | b l o w j o b
blowjobs | handjob | cumshot | cumsh0t | milf | m1lf | gangbang | g4ngb4ng | threesome | orgy | masturbation
mastuurrrbate masturbating | dildo | d1ld0 | pussy | pu$$y | pussssy | boobs | b00bs | b.o.o.b.s | boooobs | tits
t1ts | titties | naked girls | fuck | FUCK | fuuuck | f.u.c.k | f u c k | fuсk | fucking | fuckyou | motherfucker
deepthroat | bukkake | hentai | h3ntai | erotic | striptease | upskirt | bdsm | adults only | adult video | explicit
onlyfans leaks | gore | g0re | GORE | g o r e | goooore | beheading | beheading video | b3heading | decapitated
dismembered | mutilation | torture video | graphic violence | brutal murder | graphic scenes | nazi | nazis | n4zi
n@zi | NAZI | n a z i | neonazi | neo-nazi | heil hitler | h3il hitler | sieg heil | white power | wh1te power
white supremacy | white supremacist | racist | rac1st | nigger | n1gger | n!gger | niggers | n i g g e r | nigga
faggot | f4ggot | faggots | kike | tranny | gas the jews | hate speech | hate | child porn | ch1ld p0rn | childporn
buy cocaine | buy heroin | b u y meth | buy meth | stolen credit cards | fake passports | jailbait | kill yourself
k1ll yourself | kys | free money | fr33 m0ney | FREE MONEY | online casino | crypto giveaway | cheap viagra
buy followers | graphic design with gore | graphic design, graphic scenes | sex education and porn | ficken | f1cken
gefickt | F.I.C.K.E.N | Titten | t1tten | Muschi | nackte Frauen | Nacktbilder | Sexvideos | Fotze | Hure | Nutte
Enthauptung | zerstückelt | judenschwein | Kanake | Untermenschen | Ausländer raus | Kinderpornografie
schnelles Geld | salope | s4lope | femmes nues | enculer | enculé | fellation | partouze | décapitation
sale juif | bougnoule | négro | argent facile | follar | f0llar | tetas | t3tas | chicas desnudas | mamada | orgía
descuartizado | maricón | judío de mierda | dinero fácil | foder | buceta | buc3ta | putaria | mulheres nuas
preto de merda | dinheiro fácil | scopata | puttana | pu77ana | pompino | tette | donne nude | sporco negro
frocio | soldi facili | порно | ПОРНО | п.о.р.н.о | п о р н о | порнуха | секс
cекс | хуй | пизда | сиськи | голые девушки | шлюха | минет
обезглавливание | жиды | пидорас | купить кокаин | быстрые деньги
sikiş | SİKİŞ | siktir | orospu | çıplak kadınlar | seks | kafa kesme | ibne | bedava para
]] }
