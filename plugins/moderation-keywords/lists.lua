--- The shipped words. A category in config.lua of the same name replaces one of these.
return {
  categories = {
    nsfw = { decision = "rejected", confidence = 0.95,
      words = { "explicit", "nude", "adult", "xxx", "porn", "sex", "nsfw", "18+", "mature" } },
    graphic_violence = { decision = "rejected", confidence = 0.90,
      words = { "gore", "blood", "violence", "brutal", "graphic" } },
    hate_speech = { decision = "rejected", confidence = 0.95,
      words = { "hate", "slur", "racist", "nazi", "supremacist" } },
  },
  allow = {
    "graphic design", "graphic designer", "graphic designers", "graphic designs", "graphic novel", "graphic novels",
      "graphic card",
    "graphic cards", "graphic art", "graphic arts", "graphic artist", "graphic tee", "graphic tees",
    "motion graphic", "blood donation", "blood donor", "blood drive", "blood moon", "blood orange", "blood oranges",
      "blood pressure",
    "blood test", "blood type", "blood bank", "new blood",
    "adult education", "young adult", "adult swim", "adult learning", "explicit content warning", "mature cheddar",
      "mature cheese",
    "mature tree", "mature trees", "domestic violence hotline", "violence prevention",
  },
}
