"""What the toy embedder reads about: fourteen topics, each with people, things they do, circumstances and remarks.

An action is a verb and the objects that it goes with, so that every combination reads like something a person
might say. Some words mean different things in different topics (a pitch, a note, a bank, a court) on purpose.
"""

TOPICS = {
    "cooking": {
        "people": "the chef|my grandmother|the baker|our neighbour Rosa|the kitchen apprentice|the pastry cook"
        "|a hungry student|the caterer|her uncle Paolo",
        "actions": {
            "chop": "the onions|a bunch of parsley|the carrots for the soup",
            "bake": "a loaf of rye bread|two apple pies|the almond biscuits",
            "simmer": "the tomato sauce|a pot of lentils|the chicken broth",
            "season": "the stew|the roasted potatoes|a tray of vegetables",
            "knead": "the pizza dough|the bread dough",
            "fry": "the mushrooms in butter|a dozen eggs|thin slices of aubergine",
            "taste": "the garlic soup|the new recipe|the lemon dressing",
            "whisk": "the egg whites|the cream|a bowl of pancake batter",
        },
        "when": "over a low flame|in the cast iron pan|before the guests arrived|with a pinch of salt"
        "|for the Sunday lunch|on the back burner|without opening the oven",
        "remarks": "The whole kitchen smelled of thyme.|It needed a little more pepper.|The oven was far too hot."
        "|There was not a spoonful left.|A squeeze of lemon made all the difference.",
    },
    "gardening": {
        "people": "the gardener|my aunt|the nursery owner|an old farmer|the allotment club|our landlord|the park keeper"
        "|a patient beginner|the orchard keeper",
        "actions": {
            "water": "the tomato seedlings|the rose bushes|the dry lawn",
            "prune": "the apple trees|the hedge|a tangled grapevine",
            "plant": "a row of lettuce|the tulip bulbs|three young plum trees",
            "weed": "the flower beds|the gravel path|the strawberry patch",
            "harvest": "the first beans|the pumpkins|a basket of courgettes",
            "spread": "the compost|a layer of straw|some manure",
            "repot": "the ferns|a thirsty basil plant",
            "trim": "the lavender|the ivy on the fence|the overgrown shrubs",
        },
        "when": "in the greenhouse|before the first frost|along the garden wall|after a week of drought"
        "|in the raised beds|early in the spring|with a pair of rusty shears",
        "remarks": "The soil was still cold and heavy.|Slugs had eaten half the leaves."
        "|The roots were stronger than they looked.|Bees were all over the blossom."
        "|By summer it would be in full bloom.",
    },
    "astronomy": {
        "people": "the astronomer|a retired physicist|the observatory team|the night assistant|an amateur stargazer"
        "|the doctoral student|the telescope operator|our planetarium guide|the mission scientist",
        "actions": {
            "observe": "the rings of Saturn|a distant galaxy|the lunar eclipse",
            "photograph": "the Orion nebula|a passing comet|the moons of Jupiter",
            "measure": "the spectrum of the star|the orbit of an asteroid|the brightness of a supernova",
            "track": "a faint satellite|the planet across the sky|a meteor shower",
            "align": "the telescope mirror|the radio antenna|the finder scope",
            "calculate": "the distance to the cluster|the mass of the black hole|the age of the universe",
            "discover": "a dwarf planet|a binary star|an unknown pulsar",
        },
        "when": "from the dark mountain top|during the new moon|through a borrowed telescope|above the southern horizon"
        "|long before dawn|with the infrared camera|on a cloudless night",
        "remarks": "The Milky Way had rarely been so clear.|Light from there takes a thousand years to reach us."
        "|The exposure lasted four hours.|City lights spoiled the view.|Gravity had bent the image into an arc.",
    },
    "football": {
        "people": "the striker|the goalkeeper|our coach|the referee|the young midfielder|the captain|the away team"
        "|a substitute|the left back",
        "actions": {
            "score": "the winning goal|a late penalty|an equaliser",
            "pass": "the ball to the winger|the ball out of defence",
            "save": "a free kick|the second penalty|a shot from close range",
            "tackle": "the opposing forward|the fastest winger|the playmaker",
            "miss": "an open goal|the last penalty|a simple header",
            "train": "the youth squad|the new defenders",
            "lift": "the cup|the league trophy",
            "cross": "the ball from the right|the corner towards the far post",
        },
        "when": "in extra time|in front of the home fans|on a muddy pitch|just before half time|in the cup final"
        "|after the red card|from outside the box",
        "remarks": "The crowd would not stop singing.|It was offside by a metre.|The match ended in a draw."
        "|The whole bench jumped up.|They go top of the league.",
    },
    "finance": {
        "people": "the accountant|the bank|a cautious investor|the fund manager|our treasurer|the insurance broker"
        "|the tax adviser|the central bank|a small shareholder",
        "actions": {
            "raise": "the interest rate|fresh capital|the credit limit",
            "audit": "the annual accounts|the expense reports|the pension fund",
            "invest": "the savings in bonds|the dividend in shares",
            "refinance": "the mortgage|the company debt|an expensive loan",
            "transfer": "the deposit|a large sum abroad|the monthly payment",
            "cut": "the dividend|the budget|the forecast for profits",
            "sell": "the government bonds|a block of shares|the foreign currency",
            "check": "the invoice|the balance sheet|the tax return",
        },
        "when": "at the end of the quarter|before the markets opened|to keep inflation down|at a fixed rate"
        "|despite weak earnings|for the next fiscal year|with borrowed money",
        "remarks": "The share price fell by three percent.|The risk was not worth the return."
        "|Nobody had read the small print.|Fees ate most of the profit.|The loan runs for another ten years.",
    },
    "medicine": {
        "people": "the surgeon|the night nurse|our family doctor|the paramedic|a young intern|the dentist"
        "|the pharmacist|the physiotherapist|the ward sister",
        "actions": {
            "examine": "the swollen knee|the patient with a fever|an old scar",
            "prescribe": "an antibiotic|a stronger painkiller|two weeks of rest",
            "bandage": "the wounded hand|a sprained ankle",
            "vaccinate": "the newborn|the whole school class|the elderly patients",
            "diagnose": "a rare infection|the cause of the headaches|an allergy to pollen",
            "treat": "the burn|a case of pneumonia|the high blood pressure",
            "take": "a blood sample|the patient's pulse|an X-ray of the chest",
        },
        "when": "in the emergency room|during the night shift|before the operation|after reading the test results"
        "|at the village clinic|under local anaesthetic|within a few minutes",
        "remarks": "The symptoms disappeared after two days.|The wound healed without stitches."
        "|The fever had finally broken.|Side effects are rare at this dose.|The waiting room was full.",
    },
    "music": {
        "people": "the pianist|a street violinist|the choir|the drummer|the conductor|my cello teacher|the jazz trio"
        "|the singer|the sound engineer",
        "actions": {
            "play": "a slow waltz|the second movement|an old blues song",
            "tune": "the guitar|the grand piano|every string of the harp",
            "rehearse": "the overture|the final chorus|a difficult duet",
            "record": "a new album|the string quartet|the live concert",
            "sing": "the top note|a lullaby|the aria in one breath",
            "compose": "a short symphony|the melody|music for a silent film",
            "practise": "the scales|the trumpet solo|a tricky rhythm",
        },
        "when": "on the concert stage|in a minor key|with the metronome on|in front of a silent audience"
        "|in the small studio|for the encore|at half the tempo",
        "remarks": "The last chord hung in the air.|One violin was slightly out of tune."
        "|The applause went on for minutes.|The bass was too loud in the mix.|Every note was in its place.",
    },
    "railways": {
        "people": "the train driver|the conductor of the night train|a tired commuter|the station master"
        "|the signal operator|the track crew|an impatient passenger|the ticket inspector|the dining car steward",
        "actions": {
            "delay": "the morning express|the freight train|the last connection",
            "announce": "the platform change|the next stop|a signal failure",
            "board": "the sleeper to Vienna|the crowded carriage|the regional train",
            "repair": "the broken switch|the overhead line|the level crossing",
            "check": "the tickets|the brakes of the locomotive|the departure board",
            "couple": "the wagons|two more carriages to the engine",
            "miss": "the connection at the junction|the early train",
        },
        "when": "on platform nine|between two tunnels|because of snow on the line|at the border station"
        "|during the rush hour|with ten minutes to spare|just outside the terminus",
        "remarks": "The timetable had changed overnight.|Every seat by the window was taken."
        "|The rails shone in the rain.|The whistle blew and the doors closed.|The replacement bus never came.",
    },
    "weather": {
        "people": "the forecaster|the weather station|a storm chaser|the meteorologist|the coast guard bulletin"
        "|the mountain warden|the radio announcer|our local observer|the climate office",
        "actions": {
            "predict": "heavy rain|a cold front|the first snow of the year",
            "warn of": "a thunderstorm|black ice on the roads|gale force winds",
            "measure": "the wind speed|forty millimetres of rainfall|the humidity",
            "report": "thick fog|a sudden hailstorm|record temperatures",
            "expect": "a dry and sunny week|scattered showers|a sharp frost",
            "follow": "the hurricane|an area of low pressure|the dark clouds",
        },
        "when": "over the northern hills|towards the evening|along the coast|for the whole weekend|after days of heat"
        "|with gusts from the west|as the barometer fell",
        "remarks": "Lightning lit up the whole valley.|By noon the sky had cleared.|The puddles froze overnight."
        "|It was the wettest April on record.|Take an umbrella, just in case.",
    },
    "programming": {
        "people": "the developer|a junior programmer|the release team|the database administrator|the maintainer"
        "|the security researcher|our build server|the compiler engineer|a curious contributor",
        "actions": {
            "debug": "the memory leak|a failing test|the race condition",
            "refactor": "the parser|the login module|two thousand lines of legacy code",
            "deploy": "the new release|the web server|a hotfix",
            "merge": "the feature branch|the pull request|a one line patch",
            "profile": "the slow query|the inner loop|the garbage collector",
            "document": "the public interface|every error code|the command line options",
            "compile": "the kernel|the native addon|the whole repository",
        },
        "when": "in the staging environment|without breaking the build|behind a feature flag|after the code review"
        "|on the continuous integration server|with a unit test|late on a Friday",
        "remarks": "The stack trace pointed to a null pointer.|All the tests were green again."
        "|It only happened on one platform.|The commit message explained why.|A cache had hidden the bug.",
    },
    "pets": {
        "people": "the dog owner|the vet|my little sister|the cat sitter|the animal shelter|an experienced breeder"
        "|our dog walker|the groomer|the boy next door",
        "actions": {
            "feed": "the kittens|the hungry puppy|a pair of rabbits",
            "walk": "the old labrador|three terriers|the shelter dog",
            "brush": "the long haired cat|the poodle|the pony's mane",
            "adopt": "a stray kitten|a nervous greyhound|two guinea pigs",
            "train": "the young spaniel|a talking parrot|the puppy to sit",
            "wash": "the muddy dog|the hamster cage|the goldfish bowl",
            "calm": "the barking dog|a frightened cat|the restless canary",
        },
        "when": "with a handful of treats|on a short leash|in the back yard|before bedtime|at the animal shelter"
        "|with a soft brush|under the kitchen table",
        "remarks": "The tail would not stop wagging.|It purred for the rest of the afternoon."
        "|There were paw prints everywhere.|The bowl was empty in seconds.|It fell asleep in its basket.",
    },
    "law": {
        "people": "the judge|the defence lawyer|the prosecutor|a key witness|the jury|the court clerk|the notary"
        "|the plaintiff|the appeal court",
        "actions": {
            "reject": "the appeal|the motion for a new trial|the claim for damages",
            "sign": "the contract|a sworn statement|the last will",
            "question": "the witness|the accused|the expert on handwriting",
            "draft": "the indictment|a settlement|the terms of the lease",
            "overturn": "the verdict|an earlier ruling|the sentence",
            "present": "the evidence|the closing argument|a signed confession",
            "dismiss": "the charges|the lawsuit|a juror",
        },
        "when": "in open court|under oath|for lack of evidence|on a point of procedure|before the supreme court"
        "|within the legal deadline|at the first hearing",
        "remarks": "The court rose at noon.|The statute leaves no room for doubt.|Both parties agreed to settle."
        "|The sentence was suspended.|The defendant remained silent.",
    },
    "sailing": {
        "people": "the skipper|the crew|the harbour master|a lone sailor|the first mate|the sailing instructor"
        "|the fishing fleet|the lighthouse keeper|our navigator",
        "actions": {
            "hoist": "the mainsail|the signal flags|a small storm jib",
            "drop": "the anchor|the sails|a line to the dinghy",
            "steer": "the yacht into the bay|the ferry past the rocks|the old schooner",
            "moor": "the boat at the quay|the trawler|the catamaran",
            "repair": "the torn sail|the rudder|a leak in the hull",
            "chart": "the course to the island|the currents in the strait|a safe passage",
            "rescue": "a capsized dinghy|the drifting sailors",
        },
        "when": "against the tide|in a rising swell|off the rocky coast|at high water|with the wind astern"
        "|by the light of the buoy|in the crowded marina",
        "remarks": "Spray came over the bow all night.|The harbour was finally in sight."
        "|The keel scraped over the sand.|Seagulls followed the wake.|Every knot held.",
    },
    "school": {
        "people": "the teacher|the headmistress|a shy pupil|the chemistry class|the exam board|the school librarian"
        "|the substitute teacher|the sixth form|our history professor",
        "actions": {
            "correct": "the homework|forty essays|the spelling mistakes",
            "explain": "the fractions|the causes of the revolution|the periodic table",
            "prepare": "the final exam|a lesson about volcanoes|the class trip",
            "learn": "the irregular verbs|the multiplication table|a poem by heart",
            "grade": "the algebra tests|the term papers|the oral exams",
            "read": "a chapter of the textbook|the novel aloud|the handwritten notes",
            "present": "the science project|a report on whales",
        },
        "when": "on the blackboard|before the bell rang|in the last lesson|during the summer term|in the library"
        "|with a red pencil|in front of the whole class",
        "remarks": "Half the desks were empty.|The break was over far too soon.|Everyone passed the exam."
        "|The chalk squeaked on the board.|Hands went up all over the room.",
    },
}
