"""Sentences of a bank's and a restaurant's calls, every word in pocketsphinx's dictionary: what the hearing tests say and model."""

import numpy as np

TEMPLATES = (
    "i would like to {verb} my {account} {when}",
    "could you tell me the balance of my {account} please",
    "there is a charge of {number} dollars from {place} that i do not recognize",
    "my name is {name} and my account number ends in {digit} {digit} {digit} {digit}",
    "i can see a payment of {number} dollars that was made {when}",
    "the fee for the {account} is {number} dollars a month",
    "your new card will arrive in {digit} business days",
    "i am sorry but i cannot {verb} the {account} without your {proof}",
    "please tell me your {proof} so that i can find your records",
    "do you have a table for {digit} people {when}",
    "i want to book a table for {digit} under the name {name}",
    "we have one table left at {digit} thirty {when}",
    "could i order the {dish} with {side} on the side",
    "the {dish} comes with {side} and costs {number} dollars",
    "is there anything on the menu without {allergen}",
    "my friend is allergic to {allergen} so please be careful with the {dish}",
    "we are open from {digit} in the morning until ten at night",
    "can i change my order from the {dish} to the {other} instead",
    "your table is by the window and we will hold it for {number} minutes",
    "the kitchen says that the {dish} takes about {number} minutes",
    "would you like {side} or {other} with that",
    "thank you {name} your request has been sent to the branch on {street} street",
    "i will send a letter to your address on {street} street {when}",
    "no that is wrong i said {number} dollars and not {digit} dollars",
)
SLOTS = {
    "verb": ["close", "open", "check", "freeze", "update", "transfer", "review"],
    "account": ["checking account", "savings account", "credit card", "student loan", "mortgage"],
    "when": [
        "today",
        "tomorrow evening",
        "on friday",
        "next week",
        "on the third of march",
        "on saturday night",
        "this afternoon",
    ],
    "number": [
        "twelve",
        "fifteen",
        "twenty five",
        "thirty",
        "forty two",
        "sixty",
        "seventy",
        "ninety nine",
        "two hundred",
    ],
    "digit": ["two", "three", "four", "five", "six", "seven", "eight", "nine"],
    "place": ["a hotel", "the airport", "a gas station", "the grocery store", "an online shop"],
    "name": ["anna", "martin", "robert", "julia", "thomas", "helen", "peter", "susan"],
    "proof": ["password", "date of birth", "security code", "phone number"],
    "dish": ["grilled salmon", "mushroom soup", "roast chicken", "vegetable curry", "tomato pasta", "beef burger"],
    "side": ["rice", "potatoes", "green salad", "garlic bread", "steamed vegetables"],
    "other": ["onion soup", "lamb stew", "fried fish", "cheese plate", "apple pie"],
    "allergen": ["peanuts", "milk", "wheat", "eggs", "seafood"],
    "street": ["oak", "main", "river", "church", "park", "hill"],
}


def sentences(count: int, seed: int = 0) -> list[str]:
    """`count` different sentences in a drawn order, template after template."""
    rng = np.random.default_rng(seed)
    made: dict[str, None] = {}
    for turn in range(20 * count):
        template = TEMPLATES[turn % len(TEMPLATES)]
        while "{" in template:
            slot = template[template.index("{") + 1 : template.index("}")]
            template = template.replace("{" + slot + "}", str(rng.choice(SLOTS[slot])), 1)
        made[template] = None
    if len(made) < count:
        raise ValueError(f"{len(made)} different sentences can be drawn, {count} were asked for")
    return [list(made)[i] for i in rng.permutation(len(made))[:count]]


def with_wrong_words(sentence: str, share: float, vocabulary: list[str], rng: np.random.Generator) -> str:
    """The sentence with about `share` of its words replaced by others of the vocabulary."""
    words = sentence.split()
    for place in np.flatnonzero(rng.random(len(words)) < share):
        words[place] = str(rng.choice([w for w in vocabulary if w != words[place]]))
    return " ".join(words)
