"""A stand-in for a model: it writes a plain dialogue from what the request itself says, as a good model would, only duller.

Used as the answers of a mock server, so that whole builds run through the real client, the real prompts and the real gates.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from datagen.store.ids import rng

_QUOTED = r'"([^"]+)"'
_SAYS = ("Okay.", "Alright.", "I see.", "Good to know.", "Mhm, okay.", "Right.", "Fine with me.", "Oh, okay.")
_DESCRIPTION = (
    "The user has put this off for a while and is glad to get somebody who listens. Halfway through they have to look for a "
    "detail, which takes a moment, and the mood gets lighter after that. In the end it is settled sooner than they thought, "
    "and they say so before they hang up."
)
_CHAT = (
    "So tell me, how did you get into that?", "Mostly by accident. A friend took me along, and I stayed.", "That's how it goes, right?",
    "What do you like about it most?", "That I don't have to think about anything else.", "I can see that. For me it's the quiet.",
    "Do you do it alone, or with others?", "Alone, mostly. My family doesn't get it.", "[laugh] Mine either.", "Would you ever stop?",
    "No way. I'd miss it after a week.", "Me too, I guess.",
)  # fmt: skip


def reply(body: Mapping[str, Any]) -> str:
    """The content of a chat completion for a request's body."""
    asked = body["messages"][-1]["content"]
    if asked.startswith("You plan spoken"):
        return _DESCRIPTION
    if asked.startswith("Write the briefing"):
        facts = re.findall(r"^- (.*)$", asked, re.M)
        opening = re.search(r"exactly this sentence:\n(.*)", asked)[1]  # type: ignore[index]
        return f"{opening} {' '.join(facts)}"
    text = {"Write a phone": _call, "Write a short": _lesson, "Write a casua": _chat, "Write a conve": _ruled}[
        asked[:13]
    ](asked)
    turns = _timed(text, "The agent speaks first" in asked)
    return json.dumps({"turns": turns, "facts_used": re.findall(r"\$[\d.,]+\d|\d+:\d\d [AP]M", asked)})


Line = tuple[str, str] | tuple[str, str, dict[str, Any]]


def _call(asked: str) -> list[Line]:
    draw = rng(asked)
    company, agent = re.search(r"You work for (.*?) which is .* your name is (.*?)\.", asked).groups()  # type: ignore[union-attr]
    goal = re.search(r'has been told: "(.*)"', asked)[1]  # type: ignore[index]
    name = re.search(r"You are (.*?), a customer", goal)
    matter = re.sub(r"\byou\b", "I", re.sub(r"\b[Yy]our\b", "my", goal.split("on the phone with them. ")[-1]))
    matter = re.sub(r"\bYou\b", "I", matter).replace("I are", "I am").replace(" of I", " of me")
    lines: list[Line] = [("agent", f"{company}, this is {agent}.")]
    lines.append(("user", f"Hi, {name[1] if name else 'hello'} here. {matter}"))
    calls = re.findall(r'^   "call": (\{.*\}), "result": (\{.*\})$', asked, re.M)
    for step in re.findall(r"^- (?:Before|The agent) .*$", asked, re.M):
        said = re.findall(_QUOTED, step)
        if "looks it up" in step and calls:
            lines += _lookup(calls.pop(0), said[0])
        elif "The user's answer: " in step or "the user gives " in step or "The user takes: " in step:
            lines.append(("agent", said[0]))
            lines.append(("user", f"It's {re.split('answer: |gives |takes: ', step)[1].rstrip('.')}."))
        elif said:
            if "asks leave" in step:
                lines += [("agent", said[0]), ("user", "Yes, please.")]
                if calls:
                    lines += _lookup(calls.pop(0), said[-1])[:-1]
                else:
                    lines.append(("agent", said[-1]))
            elif "does it" in step and calls:
                lines += _lookup(calls.pop(0), said[-1])[:-1]
            else:
                lines.append(("agent", said[-1]))
            lines.append(("user", str(draw.choice(_SAYS))))
    return [*lines, ("user", "That's all, thanks. Bye!"), ("agent", "Thanks for calling. Bye!")]


def _lookup(call: tuple[str, str], found: str) -> list[Line]:
    held = {"call": json.loads(call[0]), "result": json.loads(call[1])}
    return [
        ("agent", "Give me a second while I get that.", held),
        ("user", "Sure."),
        ("agent", found),
        ("user", "Okay."),
    ]


def _lesson(asked: str) -> list[Line]:
    question = re.search(r'The user asks: "(.*?)" \(in', asked)[1]  # type: ignore[index]
    answers = re.findall(r'A right answer.*?: "(.*)"$', asked, re.M)
    return [
        ("agent", "Hello there, what would you like to know?"), ("user", question), ("agent", answers[0]),
        ("user", "Oh, nice. And what comes with that?"), ("agent", answers[-1]), ("user", "Thanks a lot!"), ("agent", "Anytime. Bye!"),
    ]  # fmt: skip


def _chat(asked: str) -> list[Line]:
    sides = ("user", "agent")
    return [
        ("agent", "Hey, good to see you."), ("user", "Hi! How are you?"),
        *((sides[(i + 1) % 2], said) for i, said in enumerate(_CHAT)), ("user", "I have to run, take care!"), ("agent", "You too, bye!"),
    ]  # fmt: skip


def _ruled(asked: str) -> list[Line]:
    lines: list[Line] = [("agent", "Hello, what can I tell you?")] if "The agent speaks first" in asked else []
    said = re.search(r'words of their own \("(.*?)", for example\)', asked)[1]  # type: ignore[index]
    lines.append(("user", said, {"rule": "set"}))
    changed = re.search(r'"rule": "change"; "(.*?)", for example', asked)
    for number, part in enumerate(asked.split("once another rule has taken its place:")):
        if number and changed:
            lines.append(("user", changed[1], {"rule": "change"}))
        for question, answer in re.findall(r'^- "(.*?)" A right answer: "(.*)"$', part, re.M):
            lines += [("user", question), ("agent", answer)]
    return [*lines, ("user", "Thanks a lot, bye!")]


def _timed(lines: list[Line], agent_first: bool) -> list[dict[str, Any]]:
    """The lines as turns: what one side says twice in a row is one turn, and the user begins where it has to."""
    if not agent_first and lines[0][0] == "agent":
        lines = [("user", "Hello? Is somebody there?"), *lines]
    turns: list[dict[str, Any]] = []
    for line in lines:
        more = line[2] if len(line) == 3 else {}
        if turns and turns[-1]["speaker"] == line[0] and "call" not in turns[-1] and not more:
            turns[-1]["text"] += f" {line[1]}"
        else:
            turns.append({"speaker": line[0], "tags": [], "text": line[1], **more})
    return turns
