"""The registry of slot types: one line each."""

from collections.abc import Callable

from datagen.domains import slot_calendar as calendar
from datagen.domains import slot_numbers as numbers
from datagen.domains import slot_texts as texts
from datagen.domains.slots import Slot

SLOT_TYPES: dict[str, Callable[..., Slot]] = {
    "choice": texts.choice_slot,
    "weighted": texts.weighted_slot,
    "map": texts.map_slot,
    "int": numbers.int_slot,
    "money": numbers.money_slot,
    "percent": numbers.percent_slot,
    "duration": numbers.duration_slot,
    "date": calendar.date_slot,
    "birth_date": calendar.birth_date_slot,
    "time": calendar.time_slot,
    "digits": texts.digits_slot,
    "code": texts.code_slot,
    "phone": texts.phone_slot,
    "email": texts.email_slot,
    "person": texts.of_people(lambda p, d: p.person(d.dice)),
    "first_name": texts.of_people(lambda p, d: p.first(d.dice)),
    "address": texts.of_people(lambda p, d: p.address(d.dice), texts.slip_digit),
    "first": texts.words_at(0),
    "last_word": texts.words_at(-1),
    "last": texts.last_slot,
    "name": texts.name_slot,
    "other": texts.other_slot,
    "sum": numbers.summed(1),
    "difference": numbers.summed(-1),
    "scale": numbers.scale_slot,
    "text": texts.text_slot,
    "test": texts.test_slot,
    "chance": texts.chance_slot,
}
"""The function that compiles each type's table."""
