"""Texts that nobody has written: film reviews, and reviews of telephones and hotels, from a small grammar.

A sentence is drawn by topic and mood. Names of people, places and films stay open in it as `{lead}` and the like until
it becomes part of a text, which is about one film, one telephone or one hotel.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

OPENING, PLOT, ACTING, CRAFT, FEELING, VERDICT = range(6)  # topics, in the order of a review
TOPICS = range(6)
GOOD, BAD, NEUTRAL = "good", "bad", "neutral"
EXCLAIMED, FRAMED = 0.08, 0.35  # of the sentences
DRAWS = 4
Facts = Mapping[str, str]


@dataclass(frozen=True)
class Sentence:
    """`pattern` has open places for facts, and ends with a full stop or an exclamation mark; `form` is what the
    grammar made it from."""

    topic: int
    mood: str
    form: str
    pattern: str

    def about(self, facts: Facts) -> str:
        return capitalized(self.pattern.format_map(facts))


# <word> is replaced by one of WORDS[word], {name} later by the facts of the text.
FILM: dict[tuple[int, str], Sequence[str]] = {
    (OPENING, NEUTRAL): (
        "I watched {title} <occasion>, together with <company>",
        "{title} is <a_kind> set in {town}, <time>",
        "<occasion> I finally saw {title}, <a_kind> from <origin> that <company> had been talking about",
        "{director} made {title} <time>, and it <shows_age>",
        "I knew <nothing> about {title} <before_seeing>",
        "{title} was shown <place_shown> <occasion>",
        "this is the <ordinal> film by {director} that I have seen, and the first with {lead} in it",
    ),
    (OPENING, GOOD): (
        "{title} is <a_good> <kind>, and <good_reason>",
        "what <a_good> <kind> {title} is",
        "I <loved> {title} from the first scene to the last",
        "<occasion> I saw {title}, and I was <pleased>",
        "few films have <pleased_me> as much as {title}",
        "{title} is one of the <best> films that {director} has ever made",
    ),
    (OPENING, BAD): (
        "{title} is <a_bad> <kind>, and <bad_reason>",
        "what <a_bad> <kind> {title} is",
        "I <hated> {title} from the first scene to the last",
        "<occasion> I saw {title}, and I was <displeased>",
        "few films have <bored_me> as much as {title}",
        "{title} is one of the <worst> films that {director} has ever made",
    ),
    (PLOT, NEUTRAL): (
        "<after_event>, {hero} returns to {town}, where <complication>",
        "{heroine} is {her_job} who <discovers>, and <consequence>",
        "{hero}, {his_job}, <meets> {heroine} <place>, and <consequence>",
        "<meanwhile>, <someone> <schemes>, while {hero} <does>",
        "the story begins <place>, where {heroine} <does>",
        "then <someone> <discovers>, and <consequence>",
        "{heroine} and {hero} have to <task> before <someone> <schemes>",
        "<someone>, who <past>, <does> for most of the second half",
        "<after_event>, {heroine} decides to <task>",
        "nobody in {town} believes {hero} when he says that <complication>",
        "there is also <a_thing> <place>, and <someone> wants it",
        "in the third act {hero} and <someone> <fight> <place>",
        "{lead} plays {heroine}, {her_job} who <past>",
        "{other} is {hero}, {his_job} from {town}, and <past_him>",
        "a letter from <someone> brings {heroine} <place>, and there she <discovers>",
        "the two of them <travel>, but <complication>",
        "it turns out that <someone> <past>",
        "one night {hero} <discovers> <place>",
        "<meanwhile>, the police of {town} are looking for <a_thing>, and for <someone>",
        "much of it takes place <place>, <time>",
    ),
    (PLOT, GOOD): (
        "the story is <good> and <good>, and <good_reason>",
        "how {hero} <meets> {heroine} <place> is told with <virtue> and <virtue>",
        "the scene <place> is <very> <good>",
        "the plot keeps you guessing, and the twist <place> is <good>",
        "what happens when <someone> <discovers> is both <good> and <good>",
        "every turn of the story is <good>, even the one with <a_thing>",
        "the friendship between {hero} and {heroine} is <good>, and <good_reason>",
    ),
    (PLOT, BAD): (
        "the story is <bad> and <bad>, and <bad_reason>",
        "how {hero} <meets> {heroine} <place> is told with <vice> and <vice>",
        "the scene <place> is <very> <bad>",
        "the plot makes no sense, and the twist <place> is <bad>",
        "what happens when <someone> <discovers> is both <bad> and <bad>",
        "every turn of the story is <bad>, above all the one with <a_thing>",
        "the romance between {hero} and {heroine} is <bad>, and <bad_reason>",
    ),
    (ACTING, NEUTRAL): (
        "{lead} had <a_job> to play before, in a series for television, and {other} came from the theatre",
        "{other} has the larger part, but {lead} is in more of the scenes <place>",
        "<someone> is played by an actor whose name I did not catch",
        "{lead} and {other} were in another film by {director} <time>",
        "the cast also has <number> people whose names I did not catch",
        "{lead} does an accent, {other} does not, and <consequence>",
    ),
    (ACTING, GOOD): (
        "{lead} is <very> <good> as {heroine}",
        "{other} gives <a_good> performance as {hero}",
        "the <part_of_cast> are <good>, above all in the scenes <place>",
        "{lead} and {other} are <good> together, and <good_reason>",
        "I have never seen {other} do anything as <good> as this",
        "{lead} plays {heroine} with <virtue> and <virtue>",
        "even <someone> is <very> <good> in a small role",
    ),
    (ACTING, BAD): (
        "{lead} is <very> <bad> as {heroine}",
        "{other} gives <a_bad> performance as {hero}",
        "the <part_of_cast> are <bad>, above all in the scenes <place>",
        "{lead} and {other} are <bad> together, and <bad_reason>",
        "I have never seen {other} do anything as <bad> as this",
        "{lead} plays {heroine} with <vice> and <vice>",
        "even <someone> is <very> <bad> in a small role",
    ),
    (CRAFT, NEUTRAL): (
        "the camera often stays <place>, and <craft> is by the same people as in the <ordinal> film",
        "it was filmed in and around {town}, on <number> sets, in <number> weeks",
        "<craft> and <craft> are what one knows from films <time>",
        "{director} cuts from <a_thing> to <someone> and back again",
        "the film runs for <number> hours with the credits, in <format>",
        "there is <a_thing> in nearly every shot, and <someone> walks past it",
        "the colours are those of <season>: <colour>, <colour> and a little <colour>",
    ),
    (CRAFT, GOOD): (
        "<craft> is <good>, and so is <craft>",
        "{director} has an eye for <beauty>, and <good_reason>",
        "<craft> is <very> <good>, above all <place>",
        "the dialogue is <good> and <good>, with <virtue> in every line",
        "the pace is <good>, and <craft> adds <virtue>",
        "I <loved> <craft>, which is <very> <good>",
        "it was made with <virtue>, and <craft> is a joy",
    ),
    (CRAFT, BAD): (
        "<craft> is <bad>, and so is <craft>",
        "{director} has no idea of <beauty>, and <bad_reason>",
        "<craft> is <very> <bad>, above all <place>",
        "the dialogue is <bad> and <bad>, with <vice> in every line",
        "the pace is <bad>, and <craft> adds only <vice>",
        "I <hated> <craft>, which is <very> <bad>",
        "it was made with <vice>, and <craft> is a pain",
    ),
    (FEELING, NEUTRAL): (
        "<company> asked me afterwards what <a_thing> <place> was about",
        "we talked about it on the way home, and <company> saw it otherwise",
        "I thought of {town}, where I once spent <season>",
        "it reminded me of <a_kind> that I saw <time>",
        "the man in the row before me <audience>, and somebody else <audience>",
        "I read the book <time>, in which <someone> <past>",
        "perhaps one has to know {town}, or <a_job>, to see what {director} had in mind",
    ),
    (FEELING, GOOD): (
        "I <loved> every minute of it, and <good_reason>",
        "I laughed, I cried, and I was <pleased>",
        "it is <good>, <good> and never too long",
        "it stayed with me for days, because it is so <good>",
        "<company> <loved> it too, and was <pleased>",
        "the ending is <good>, and I was <pleased>",
        "there is so much <virtue> in it: <good_reason>",
    ),
    (FEELING, BAD): (
        "I <hated> every minute of it, and <bad_reason>",
        "I yawned, I sighed, and I was <displeased>",
        "it is <bad>, <bad> and far too long",
        "I looked at my watch again and again, because it is so <bad>",
        "<company> <hated> it too, and was <displeased>",
        "the ending is <bad>, and I was <displeased>",
        "there is so much <excess> in it: <bad_reason>",
    ),
    (VERDICT, NEUTRAL): (
        "that is all there is to say about {title}",
        "it is out on DVD now, with <number> scenes more",
        "whoever likes <a_kind> may want to see it <some_day>",
        "{director} is at work on another one, with {lead} as <a_job>",
        "I may see it again <some_day>, with <company>",
        "it gets <number> stars out of ten from me, and <number> from <company>",
    ),
    (VERDICT, GOOD): (
        "<good_advice>",
        "all in all {title} is <a_good> <kind>: <good_advice>",
        "I give it <high> out of 10",
        "if you like <a_kind>, <good_advice>",
        "thank you, {director}, for <a_good> <kind>",
    ),
    (VERDICT, BAD): (
        "<bad_advice>",
        "all in all {title} is <a_bad> <kind>: <bad_advice>",
        "I give it <low> out of 10",
        "even if you like <a_kind>, <bad_advice>",
        "shame on you, {director}, for <a_bad> <kind>",
    ),
}

# What people put before a sentence, in words that every model of English has seen.
# fmt: off
FRAMES = ("I think", "I have to say that", "it seems that", "if you ask me,", "but", "and yet", "to be fair,", "so",
          "I must admit that", "you could say that", "as far as I can see,", "as you might expect,", "it is true that",
          "well,", "I am not sure if it is just me, but", "you see,", "in all this,", "as it is,", "not only that:",
          "like it or not,", "to me it is as if", "and then,", "believe it or not,", "what is more,", "I know that",
          "make of this what you will, but", "to tell you how it is:", "it has to be said that", "still,", "also,")
# fmt: on

# fmt: off
WORDS: dict[str, Sequence[str]] = {
    "occasion": ("last night", "on a rainy Sunday", "at a festival", "on a long flight", "during the holidays",
                 "on television", "a week ago", "yesterday evening", "on a Friday in November",
                 "in an empty cinema"),
    "some_day": ("one day", "on a rainy Sunday", "on a long flight", "during the holidays", "next winter", "on DVD"),
    "company": ("my sister", "an old friend", "my wife", "my neighbour", "a colleague", "my brother",
                "my grandfather", "a friend from school", "my daughter", "my flatmate"),
    "kind": ("thriller", "drama", "comedy", "film", "movie", "western", "picture", "mystery", "romance",
             "horror film"),
    "a_kind": ("a thriller", "a comedy", "a family drama", "a western", "a ghost story", "a war film",
               "a love story", "a science fiction film", "an adventure", "a courtroom drama", "a road movie",
               "a musical", "a gangster film", "a film about a heist"),
    "time": ("in the winter of 1952", "in the early eighties", "shortly before the war", "a long time ago",
             "in the summer of 1968", "in our own days", "some years ago", "at the turn of the century",
             "in the nineties", "during the great strike"),
    "origin": ("Canada", "Ireland", "the north of Italy", "Australia", "Argentina", "a small studio in Poland"),
    "shows_age": ("shows", "does not show", "looks older than that", "still looks new",
                  "could be from last year"),
    "nothing": ("nothing", "next to nothing", "only a little", "no more than the title",
                "what the poster says"),
    "before_seeing": ("before I sat down", "when the lights went out", "when I bought the ticket",
                      "before it came on", "until last week"),
    "place_shown": ("at our film club", "in the open air", "late at night", "in a double feature",
                    "at the museum"),
    "ordinal": ("second", "third", "fourth", "fifth", "first"),
    "number": ("two", "three", "four", "five", "six", "seven", "eight"),
    "format": ("black and white", "colour", "wide screen", "three chapters", "the original language"),
    "season": ("a cold spring", "one autumn", "a whole winter", "the month of March", "a summer"),
    "colour": ("grey", "brown", "dark red", "pale blue", "green", "yellow", "black"),
    "audience": ("fell silent", "unwrapped his sandwich", "whispered the names of the streets",
                 "took off his coat", "left for a while and came back", "kept asking who <someone> was"),
    "after_event": ("after the funeral of an uncle", "after ten years at sea", "after the fire at the mill",
                    "after an accident on the bridge", "after the bank has closed", "after a long illness",
                    "after the trial", "after a quarrel with the neighbours", "after the flood"),
    "meanwhile": ("meanwhile", "at the same time", "on the other side of the river", "back in {town}",
                  "a few streets away", "unknown to all of them"),
    "complication": ("the harbour has been sold", "nobody has forgotten the fire",
                     "a stranger lives in his house", "the bridge is closed and the telephone is dead",
                     "the mayor has plans of his own", "his brother has married the woman he left",
                     "the well has run dry", "a storm is coming up from the coast",
                     "<someone> has been there before them", "the last train has gone",
                     "the money is in another suitcase", "the map is of another valley"),
    "consequence": ("things take their course", "from then on they are never alone", "soon both are on the run",
                    "the village begins to talk", "a promise is broken", "the next morning the car is gone",
                    "two families fall out", "the inspector begins to ask questions",
                    "everybody keeps a secret", "a second body is found", "the wedding is put off",
                    "an old debt has to be paid"),
    "a_job": ("a lighthouse keeper", "a retired detective", "a young surgeon", "a piano teacher",
              "a bus driver", "a widowed farmer", "a nurse", "a bank clerk", "a reporter", "a carpenter",
              "a soldier on leave", "a translator", "a lawyer", "a jockey", "a sailor", "a night porter",
              "a schoolteacher", "a priest"),
    "discovers": ("finds an old diary", "hears a voice on the radio", "opens the wrong door",
                  "sees a face at the window", "finds the missing photograph", "learns who wrote the letters",
                  "overhears the two lawyers", "finds a key in the garden",
                  "counts the graves and finds one more", "recognises the ring"),
    "meets": ("meets", "runs into", "falls in love with", "picks up", "is taken for the brother of",
              "hides from", "follows", "is rescued by"),
    "place": ("at the railway station", "in the old theatre", "on the roof of the hotel",
              "at the edge of the forest", "in a small bakery", "at the lake", "in the courtroom",
              "under the bridge", "on the ferry", "in the kitchen of the castle", "in a snowstorm",
              "at the fair", "in the abandoned hospital", "on the night train", "in the library",
              "at the border", "in the greenhouse"),
    "someone": ("the mayor", "her stepmother", "a man with a limp", "her twin brother", "the old captain",
                "a travelling salesman", "the judge", "his former partner", "the landlady", "a blind organist",
                "the sheriff", "the countess", "her younger brother", "the man from the insurance company",
                "a runaway boy", "the head of the circus"),
    "schemes": ("burns the papers", "sells the farm", "robs the post office", "leaves for the capital",
                "tells the whole town", "poisons the dog", "plans an escape", "forges the will",
                "calls the newspapers", "crosses the border"),
    "does": ("repairs a boat", "waits for a telephone call", "pretends to be somebody else", "learns to dance",
             "digs in the cellar", "writes letters to nobody", "takes care of a horse", "hides in the attic",
             "drives through the desert", "rehearses for the concert", "plays chess with the prisoners"),
    "task": ("find the diary", "cross the mountains", "save the orchard", "win the race",
             "bring the child home", "prove that the will was forged", "sell the house", "warn the garrison",
             "rebuild the stage", "catch the last ship", "get the tape back"),
    "past": ("once was in prison", "has never left the island", "lost a son in the war", "used to be a boxer",
             "was believed to be dead", "cannot read", "saw it all from the balcony",
             "owns half of the harbour", "has a wife in another town", "never forgave her father"),
    "past_him": ("he once was in prison", "he has never left it", "he lost his brother in the war",
                 "he used to be a boxer", "the neighbours call him a liar", "he drinks alone",
                 "nobody has seen him since the fire"),
    "fight": ("fight it out", "come to blows", "face each other", "strike a bargain", "wait for the dawn",
              "confess to one another", "toss a coin"),
    "travel": ("travel south in a stolen truck", "walk along the coast", "take rooms above the bakery",
               "cross the river at night", "set out for the capital", "drive through the night"),
    "a_thing": ("a broken clock", "a red suitcase", "a stolen painting", "a yellow taxi", "a music box",
                "a wooden leg", "a silver cigarette case", "a parrot", "a bag of diamonds", "a roll of film",
                "a wedding dress", "a rusty key", "an unfinished portrait"),
    "part_of_cast": ("actors", "supporting actors", "two leads", "child actors", "villains", "extras"),
    "craft": ("the music", "the photography", "the editing", "the camera work", "the costume design",
              "the lighting", "the script", "the sound", "the set design", "the direction"),
    "beauty": ("light", "landscapes", "faces", "small gestures", "silence", "rhythm", "timing"),
    "very": ("very", "really", "truly", "quite", "rather", "so", "absolutely", "surprisingly", "always",
             "almost"),
    "good": ("wonderful", "superb", "touching", "gripping", "charming", "brilliant", "beautiful", "delightful",
             "excellent", "perfect", "moving", "funny", "great", "amazing", "fantastic", "memorable", "lovely",
             "powerful", "refreshing", "haunting", "good", "fine", "solid", "enjoyable", "warm", "subtle",
             "fresh", "sweet", "convincing", "nice"),
    "a_good": ("a wonderful", "a superb", "a touching", "a gripping", "a charming", "a brilliant",
               "a beautiful", "an excellent", "a perfect", "a moving", "a great", "an amazing", "a memorable",
               "a good", "a fine", "a solid", "an enjoyable", "a subtle", "a lovely", "a decent"),
    "best": ("best", "finest", "funniest", "most moving", "most beautiful", "better", "most charming"),
    "virtue": ("warmth", "wit", "grace", "humour", "honesty", "great skill", "tenderness", "energy", "patience",
               "real feeling", "intelligence", "love"),
    "loved": ("loved", "enjoyed", "liked", "adored", "admired"),
    "pleased": ("moved to tears", "delighted", "pleasantly surprised", "glad to have seen it", "thrilled",
                "happy", "not disappointed", "hooked at once"),
    "pleased_me": ("moved me", "delighted me", "touched me", "made me laugh", "surprised me"),
    "good_reason": ("it never gets old", "nothing about it feels false", "it has its heart in the right place",
                    "one wants to see it again", "it is full of surprises", "it works on every level",
                    "I would not change a thing", "that is rare today", "the time flew by",
                    "it deserves a larger audience"),
    "good_advice": ("I highly recommend it", "do not miss it", "see it if you can",
                    "it is well worth your time", "it is a must for the whole family", "I will watch it again",
                    "it is worth a look", "you will not regret it"),
    "high": ("8", "9", "10", "7", "a solid 8", "a well deserved 9"),
    "bad": ("boring", "awful", "dull", "predictable", "terrible", "silly", "annoying", "stupid", "weak",
            "horrible", "pointless", "lame", "poor", "flat", "ridiculous", "lifeless", "clumsy", "pathetic",
            "tedious", "bland", "bad", "slow", "forgettable", "tired", "cheap", "confused", "wooden", "thin",
            "shallow", "unconvincing"),
    "a_bad": ("a boring", "an awful", "a dull", "a predictable", "a terrible", "a silly", "an annoying",
              "a stupid", "a weak", "a horrible", "a pointless", "a lame", "a poor", "a flat", "a ridiculous",
              "a bad", "a slow", "a forgettable", "a tired", "a mediocre"),
    "worst": ("worst", "dullest", "weakest", "most boring", "most annoying", "poorer", "silliest"),
    "vice": ("no feeling", "little thought", "heavy hands", "cheap tricks", "no energy", "no humour",
             "false tears", "bad taste", "empty talk", "no sense of place", "noise", "laziness"),
    "excess": ("noise", "empty talk", "bad taste", "false sentiment", "shouting", "cheap effect",
               "wasted talent"),
    "hated": ("hated", "disliked", "regretted", "suffered through", "could not stand"),
    "displeased": ("bored to tears", "disappointed", "annoyed", "glad when it was over", "tired",
                   "not impressed", "sorry for the actors", "angry about the wasted money"),
    "bored_me": ("bored me", "annoyed me", "disappointed me", "made me yawn", "left me cold"),
    "bad_reason": ("it never comes to life", "nothing about it feels true",
                   "it does not know what it wants to be", "one wants to leave", "there are no surprises",
                   "it fails on every level", "I would cut half of it", "that is all too common today",
                   "the time would not pass", "it does not deserve an audience"),
    "bad_advice": ("avoid it", "do not waste your time", "save your money", "it is not worth your time",
                   "skip it and read the book", "I will not watch it again", "stay away from it",
                   "you will regret it"),
    "low": ("2", "3", "1", "4", "a generous 3", "a weak 4"),
}
# fmt: on

TITLES = (
    ("The", "A", "Her", "The Last", "The Other", "Beyond the", "Under the", "One More", "The Silent", "The Second"),
    ("Lighthouse", "Harbour", "Winter", "Orchard", "Witness", "Staircase", "Promise", "Train", "Garden", "Mirror",
     "Island", "Verdict", "Summer", "Bridge", "Clockmaker", "Letter", "Ferry", "Portrait", "Echo", "Snowfall"),
)  # fmt: skip
# fmt: off
WOMEN = ("Nora", "Ellen", "Ruth", "Clara", "Ida", "Miriam", "Vera", "Agnes", "Judith", "Lena", "Sylvia", "Edith")
MEN = ("Martin", "Victor", "Hugo", "Walter", "Simon", "Oscar", "Emil", "Arthur", "Conrad", "Felix", "Leonard", "Noel")
SURNAMES = ("Halloran", "Brandt", "Okafor", "Lindqvist", "Marchetti", "Novak", "Ashworth", "Delgado", "Pemberton",
            "Sorensen", "Castellane", "Whitlock", "Radford", "Varga", "Quigley", "Thornbury", "Eklund", "Moreau")
TOWNS = ("Alderbrook", "Port Ellis", "Saint Maren", "Graywater", "Millhaven", "Castle Bay", "Norrick", "Santa Lucia",
         "Kesterfield", "Old Dunmore", "Lakemont", "Varna Cross")
# fmt: on


def film_facts(random: Random) -> Facts:
    """Whom and what one review is about."""
    people, jobs = random.sample(SURNAMES, 3), random.sample(WORDS["a_job"], 2)
    return {
        "title": " ".join(map(random.choice, TITLES)),
        "lead": f"{random.choice(WOMEN)} {people[0]}",
        "other": f"{random.choice(MEN)} {people[1]}",
        "director": f"{random.choice(WOMEN + MEN)} {people[2]}",
        "heroine": random.choice(WOMEN),
        "hero": random.choice(MEN),
        "her_job": jobs[0],
        "his_job": jobs[1],
        "town": random.choice(TOWNS),
    }


ELSEWHERE: dict[tuple[int, str], Sequence[str]] = {
    (OPENING, NEUTRAL): (
        "I bought the {phone} <shop>, to replace a <older> handset with a cracked touchscreen",
        "my {phone} was delivered by courier <weekday>, with a charger, a cable and a SIM adapter in the carton",
        "we booked <nights> at the {hotel} in {city} through a website, breakfast and parking included",
        "we stayed at the {hotel} in {city} for <nights>, on a business trip, in a <room> room",
    ),
    (PLOT, NEUTRAL): (
        "according to <measured>, the battery of the {phone} loses <percent> overnight",
        "after the latest firmware update the <phone_part> needs a reboot <often>",
        "the carton contains a charger, earbuds, a USB cable and a leaflet about the <leaflet>",
        "the <hotel_part> at the {hotel} <hotel_does>, <hotel_when>",
        "the receptionist handed us a keycard, a voucher for the <voucher> and a map of {city}",
        "our <room> room was on the <floor> floor and overlooked <view>",
        "pairing it with the <device> over Bluetooth took <minutes>",
        "the checkout was at <hour>, and the invoice listed the city tax and the <voucher> separately",
        "the {phone} weighs <grams> and charges wirelessly, albeit only with the manufacturer's own adapter",
        "from {city} airport a taxi to the {hotel} costs <price>, the tram about a tenth of that",
        "the <phone_part> supports gloves and wet fingertips, as <measured> states",
        "breakfast is served <hotel_when>, in a windowless cafeteria beside the <hotel_part>",
    ),
    (ACTING, GOOD): (
        "the handset is responsive, and the battery lasts <days> between charges",
        "the concierge was courteous, and housekeeping replaced the <linen> daily",
        "customer support answered within <minutes> and shipped a replacement <device> for free",
        "the mattress was comfortable, the <linen> were spotless and the shower had plenty of pressure",
        "the <phone_part> is accurate, and scrolling through <measured> never stutters",
    ),
    (CRAFT, BAD): (
        "the handset overheats while charging, and the battery drains within <minutes>",
        "the air conditioning rattled, the <linen> were stained and the elevator was out of order",
        "the receptionist overcharged our credit card by <price>, and the refund took <days>",
        "the touchscreen freezes <often>, the signal drops indoors and the speaker crackles",
        "the wifi disconnected <often>, and the password was changed without notice",
    ),
    (FEELING, NEUTRAL): (
        "compared with the <older> model it weighs less, but the headphone jack and the SD slot are gone",
        "the buffet offered croissants, yoghurt, scrambled eggs and decaffeinated coffee <hotel_when>",
        "contract customers pay <price> monthly, prepaid customers pay the retail price plus shipping",
        "a shuttle to the airport leaves <often> from the lobby and costs <price> per passenger",
        "Bluetooth, GPS and the <phone_part> worked with every app that I installed",
        "the gym, the sauna and the rooftop pool are accessible with the keycard <hotel_when>",
        "a colleague ordered the same handset <shop> and received a <older> one",
        "the <room> rooms cost <price> more, cancellation within <days> included",
        "I transferred my contacts, photos and ringtones from the <device> within <minutes>",
    ),
    (VERDICT, GOOD): (
        "for <price> the {phone} is a reliable handset with a decent warranty",
        "we will book the {hotel} again when we travel to {city}",
    ),
    (VERDICT, BAD): (
        "I returned the {phone} to the retailer and requested a refund of <price>",
        "next time we will book a different hotel in {city}, preferably with earplugs",
    ),
}

# fmt: off
WORDS_ELSEWHERE: dict[str, Sequence[str]] = {
    "shop": ("from an online retailer", "at the airport", "in a supermarket", "with a two-year contract",
             "second-hand from a dealer", "through the manufacturer's website"),
    "weekday": ("on Monday", "on Tuesday", "on Thursday", "on Saturday", "after a fortnight", "overnight"),
    "older": ("two-year-old", "refurbished", "previous", "cheaper", "heavier", "prepaid"),
    "nights": ("two nights", "three nights", "four nights", "a fortnight", "five nights", "a weekend"),
    "days": ("two days", "three days", "a fortnight", "five days", "a weekend", "36 hours"),
    "room": ("twin", "double", "family", "superior", "single", "non-smoking"),
    "phone_part": ("touchscreen", "front camera", "loudspeaker", "fingerprint sensor", "keyboard app", "GPS receiver",
                   "processor", "email client"),
    "measured": ("the settings menu", "the manufacturer", "a benchmark app", "the user manual", "my own spreadsheet",
                 "the diagnostics page"),
    "percent": ("eleven percent", "a fifth of its charge", "twenty percent", "hardly anything", "nine percent"),
    "often": ("hourly", "weekly", "twice a day", "every forty minutes", "daily", "at random"),
    "leaflet": ("warranty", "recycling of batteries", "radiation limits", "subscription", "insurance"),
    "voucher": ("minibar", "laundry", "garage", "sauna", "breakfast buffet", "airport shuttle"),
    "device": ("headset", "router", "laptop", "car stereo", "tablet", "smartwatch"),
    "linen": ("towels", "sheets", "bathrobes", "pillowcases", "curtains"),
    "floor": ("second", "third", "sixth", "ninth", "eleventh", "fourteenth"),
    "hour": ("ten", "eleven", "noon", "half past ten"),
    "grams": ("138 grams", "152 grams", "166 grams", "189 grams", "204 grams"),
    "hotel_part": ("reception desk", "wifi", "underground garage", "spa", "rooftop bar", "laundry", "elevator",
                   "conference room"),
    "hotel_does": ("requires a reservation", "is free for guests", "closes for maintenance", "costs extra",
                   "was renovated recently", "is accessible by keycard only", "is reserved for members"),
    "hotel_when": ("between seven and ten", "on weekdays", "until midnight", "during the conference season",
                   "at weekends and on bank holidays", "from six in the morning"),
    "view": ("the car park", "the harbour promenade", "a tram stop", "the courtyard", "the ring road", "the marina"),
    "minutes": ("ten minutes", "half an hour", "forty minutes", "a quarter of an hour", "two hours", "ninety minutes"),
    "price": ("79 euros", "129 dollars", "249 euros", "19 pounds", "45 euros", "399 dollars"),
}
# fmt: on
PHONES = (("Orbex", "Tellio", "Nuvia", "Pryme", "Kallo", "Zentra"), ("S2", "Mini", "400", "Max", "Lite", "X9"))
HOTELS = (("Grand", "Park", "Central", "Bellevue", "Station", "Harbour"), ("Inn", "Plaza", "Suites", "Lodge", "Court"))
CITIES = ("Rotterdam", "Lisbon", "Denver", "Leipzig", "Osaka", "Gdansk", "Valencia", "Calgary")


def facts_elsewhere(random: Random) -> Facts:
    """Which telephone and which hotel one text is about."""
    return {
        "phone": " ".join(map(random.choice, PHONES)),
        "hotel": " ".join(map(random.choice, HOTELS)),
        "city": random.choice(CITIES),
    }


def film_sentences(random: Random, per_kind: int) -> list[Sentence]:
    """About `per_kind` different sentences of each topic and mood."""
    return list(_sentences(FILM, WORDS, random, per_kind))


def sentences_elsewhere(random: Random, per_kind: int) -> list[Sentence]:
    """The same about telephones and hotels, with the kinds that there are."""
    return list(_sentences(ELSEWHERE, WORDS_ELSEWHERE, random, per_kind))


def in_order(sentences: Iterable[Sentence], facts: Facts, random: Random) -> str:
    """A text: its topics in the order of a review, the sentences of each in any order."""
    shuffled = sorted(sentences, key=lambda sentence: (sentence.topic, random.random()))
    return " ".join(sentence.about(facts) for sentence in shuffled)


def of_length(sentences: Sequence[Sentence], words: float, facts: Facts, random: Random) -> str:
    """A text of about so many words, of any sentences: an opening, a verdict, and others between them."""
    chosen = [random.choice([each for each in sentences if each.topic == topic]) for topic in (OPENING, VERDICT)]
    middle = [each for each in sentences if each.topic not in (OPENING, VERDICT)]
    left = words - sum(len(each.pattern.split()) for each in chosen)
    while left > 0 and len(chosen) < len(middle):
        new = unlike(chosen, middle, random)
        if new not in chosen:
            chosen.append(new)
            left -= len(new.pattern.split())
    return in_order(chosen, facts, random)


def unlike(chosen: Sequence[Sentence], among: Sequence[Sentence], random: Random) -> Sentence:
    """One of another form than those that are there, if that is found soon."""
    forms = {each.form for each in chosen}
    drawn = [random.choice(among) for _ in range(DRAWS)]
    return next((each for each in drawn if each.form not in forms), drawn[0])


def capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sentences(
    grammar: Mapping[tuple[int, str], Sequence[str]], words: Mapping[str, Sequence[str]], random: Random, per_kind: int
) -> Iterator[Sentence]:
    for (topic, mood), forms in grammar.items():
        found = {}
        for number in range(per_kind):  # in turns, so that no form is left out
            form = forms[number % len(forms)]
            found[_expanded(form, words, random)] = form  # a form with few words gives the same sentence again
        for pattern, form in found.items():
            framed = topic not in (OPENING, VERDICT) and random.random() < FRAMED
            end = "!" if random.random() < EXCLAIMED else "."
            yield Sentence(topic, mood, form, f"{random.choice(FRAMES)} {pattern}{end}" if framed else pattern + end)


def _expanded(form: str, words: Mapping[str, Sequence[str]], random: Random) -> str:
    """Fills each <word> with another one of its list than those that the sentence has already."""
    used: set[str] = set()

    def fill(place: re.Match[str]) -> str:
        choices = [choice for choice in words[place[1]] if choice not in used]
        used.add(choice := random.choice(choices or words[place[1]]))
        return choice

    while "<" in form:
        form = re.sub(r"<(\w+)>", fill, form)
    return form
