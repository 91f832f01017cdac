"""Closed word lists that saying and finding share: months, units, abbreviations, acronyms."""

from datagen.text.wordlist import ordered, words

MONTHS = {
    name: i + 1
    for i, name in enumerate(
        ordered("january february march april may june july august september october november december")
    )
}
MONTH_NAMES = ("", *(m.capitalize() for m in MONTHS))
MONTH_SHORT = {m[:3]: n for m, n in MONTHS.items() if m != "may"} | {"sept": 9}
WEEKDAYS = ordered("monday tuesday wednesday thursday friday saturday sunday")
WEEKDAY_SHORT = {d[:3]: d.capitalize() for d in WEEKDAYS} | {"tues": "Tuesday", "thur": "Thursday", "thurs": "Thursday"}

ABBREVIATIONS = {
    "mr": "Mister", "mrs": "Missus", "ms": "Miz", "prof": "Professor", "jr": "Junior", "sr": "Senior",
    "ave": "Avenue", "blvd": "Boulevard", "rd": "Road", "ln": "Lane", "hwy": "Highway", "pkwy": "Parkway",
    "apt": "apartment", "ste": "suite", "ext": "extension", "dept": "department", "vs": "versus", "approx": "approximately",
    "etc": "et cetera", "e.g": "for example", "i.e": "that is", "inc": "Incorporated", "ltd": "Limited", "co": "Company",
    "corp": "Corporation", "a.m": "a m", "p.m": "p m", "u.s": "U S", "u.s.a": "U S A", "ph.d": "P H D", "tel": "telephone",
}  # fmt: skip
"""Written with a full stop (`Mr.`); said so. St., Dr. and No. depend on their neighbours."""

BARE_ABBREVIATIONS = words("mr mrs ms jr sr ave blvd hwy pkwy apt ext dept vs approx etc")
"""Those of them that are no words of their own, so that they count without the full stop too."""

UNITS = {
    "km": "kilometers", "m": "meters", "cm": "centimeters", "mm": "millimeters", "mi": "miles", "ft": "feet", "in": "inches",
    "yd": "yards", "kg": "kilograms", "g": "grams", "mg": "milligrams", "lb": "pounds", "lbs": "pounds", "oz": "ounces",
    "l": "liters", "ml": "milliliters", "mph": "miles per hour", "kph": "kilometers per hour", "km/h": "kilometers per hour",
    "hr": "hours", "hrs": "hours", "min": "minutes", "mins": "minutes", "sec": "seconds", "secs": "seconds", "s": "seconds",
    "ms": "milliseconds", "gb": "gigabytes", "mb": "megabytes", "tb": "terabytes", "kb": "kilobytes", "ghz": "gigahertz",
    "mhz": "megahertz", "hz": "hertz", "khz": "kilohertz", "kwh": "kilowatt hours", "kw": "kilowatts", "w": "watts",
    "mbps": "megabits per second", "gbps": "gigabits per second", "sq": "square", "yrs": "years", "yr": "years",
    "°f": "degrees Fahrenheit", "°c": "degrees Celsius", "°": "degrees", "k": "thousand", "x": "times", "v": "volts",
}  # fmt: skip
ATTACHED_ONLY = words("m g l s w k x v in °f °c °")
"""Units that are read as such only where they stick to their number (`5g`), since alone they are words or letters."""

SINGULAR = {"feet": "foot", "inches": "inch"}

SAID_AS_WORDS = words(
    "pin covid nasa zip sim vin ram nato unicef opec aids laser radar scuba wifi asap gif yolo fomo ikea nascar fema osha "
    "fafsa roth sep swat deet"
) - {"asap", "sep"}  # fmt: skip
"""Acronyms that people say as a word (PIN, ZIP); any other run of capitals is spelled."""

SHOUTED = words(
    "no not yes ok so now stop never always please thank thanks very really all and or but you your my me the this that is "
    "are was do did will must only any never ever what why when who how here there just too much more most has have had be "
    "it we they he she his her our for from with of in on at to up out off if can could would should free new hello hi hey "
    "wow oh sorry sure great good bad help wait one two three again still even"
)
"""Words that are words when written in capitals (`NO`), not acronyms."""

DOMAIN_WORDS = {
    "com": "com",
    "org": "org",
    "net": "net",
    "gov": "gov",
    "info": "info",
    "edu": "E D U",
    "io": "I O",
    "co": "co",
    "us": "U S",
    "uk": "U K",
}

CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
}
MAGNITUDES = {"k": "thousand", "m": "million", "mm": "million", "b": "billion", "bn": "billion", "t": "trillion"}
PER = {"mo": "month", "yr": "year", "hr": "hour", "wk": "week", "min": "minute", "sec": "second", "ea": "each"}

SYMBOLS = {
    "&": "and", "+": "plus", "=": "equals", "%": "percent", "@": "at", "#": "number", "$": "dollars",
    "€": "euros",
    "£": "pounds", "¢": "cents", "°": "degrees", "×": "times", "÷": "divided by", "<": "less than", ">": "more than",
    "w/": "with", "w/o": "without",
    "½": "one half", "¼": "one quarter", "¾": "three quarters", "⅓": "one third", "⅔": "two thirds", "~": "about",
}  # fmt: skip

NOT_NAMES = words(
    "i i'm i'll i've i'd ok okay mr mrs ms miss sir ma'am madam dr doctor prof english spanish french italian german "
    "american mexican chinese japanese indian greek thai korean mediterranean european asian british canadian "
    "vietnamese turkish god lord internet wi-fi christmas easter thanksgiving new-year's oh ah um uh hmm mhm no yes"
)
"""Words written with a capital that name no one and no thing of the dialogue."""

OPENERS = words(
    "a about absolutely actually after ah all almost alright also although always am an and another any anything are as at "
    "awesome because before being best both but by bye can certainly cheers come congratulations correct could dear did "
    "do does done don't each either enjoy every everything exactly excellent excuse fantastic fine first for from fair "
    "get give glad go good goodbye got great had happy has have having he hello here hers hey hi his hold how hmm i if in "
    "indeed instead is it its just keep last let like look looking lovely many maybe me meanwhile mine moreover my my, "
    "nearly never next nice no none nor not nothing now of off oh ok okay on once one only or other our out over "
    "perfect perhaps please plus pretty right same say see shall she should since so some something sorry still "
    "such super sure take tell terrific thank thanks that that's the their them then there these they thing this those "
    "three though thus to today together tomorrow tonight too try two uh um under understood until up us very wait was we "
    "welcome well were what when whenever where whether which while who whom whose why will with without wonderful would "
    "wow yeah yep yes yesterday yet you your yours"
)
"""Words that sentences open with, so that a capital there makes no name of them and of what follows."""

FIRST_NAMES = words(
    "aaron abigail adam adrian aisha alan albert alejandro alex alexander alexis alice alicia allison amanda amber amy ana "
    "andre andrea andrew angela anita ann anna anthony antonio arthur ashley audrey barbara beatrice benjamin beth betty "
    "brandon brenda brian brittany bruce bryan caleb cameron camila carl carla carlos carmen carol caroline catherine "
    "charles charlotte cheryl chloe chris christina christine christopher cindy claire colin connor craig crystal cynthia "
    "daniel daniela danielle darren david deborah denise dennis derek diana diane diego dmitri donald donna dorothy "
    "douglas dylan edward eileen elena eleanor elias elizabeth ella ellen emily emma eric erica ethan eva evan evelyn "
    "fatima felix fernando fiona gabriel gabriela gary george gloria gordon grace gregory hannah harold harry hassan "
    "heather helen henry howard hugo ian ibrahim imani isaac isabel isabella ivan jacob jacqueline jamal james jamie jane "
    "janet janice jasmine jason javier jeffrey jennifer jeremy jerome jesse jessica joan joel john jonathan jordan jorge "
    "jose joseph joshua joyce juan judith judy julia julian julie justin karen karim katherine kathleen kathryn katie keisha "
    "keith kelly kenneth kevin kimberly kyle lakshmi larry laura lauren lawrence leah leila leo leon leonard liam linda lisa "
    "logan lorraine louis lucas lucia lucy luis luke lydia madison malik marcus margaret maria marie marilyn mario marisol "
    "martha martin mary mason matthew maya megan mei melissa michael michelle miguel mohammed monica nadia nancy naomi natalie "
    "nathan nicholas nicole nina noah nora oliver olivia omar oscar owen pamela patricia patrick paul paula peter philip "
    "phillip priya rachel rafael raj ralph ramon raymond rebecca ricardo richard robert roberto rodney roger ronald rosa "
    "rosemary roy ruby russell ruth ryan samantha samuel sandra sara sarah scott sean sergio shannon sharon shirley simon "
    "sofia sophia sophie stacy stanley stephanie stephen steven susan sylvia tamara tanya tariq taylor teresa terry theo "
    "theresa thomas tiffany timothy tina tom tony tracy travis trevor tyler valerie vanessa veronica victor victoria vincent "
    "virginia walter wanda wayne wendy william xavier yolanda yuki yusuf zachary zoe"
)
"""Given names that are no other word: they name someone even where a sentence opens."""
