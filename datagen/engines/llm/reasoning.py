"""A reply's text without the reasoning around it: think blocks, harmony channels, and what parsers leave of either."""

import re

_THINK_END = re.compile(r"</\s*(?:think|thinking|thought|reasoning)\s*>", re.IGNORECASE)
_THINK_START = re.compile(r"<\s*(?:think|thinking|thought|reasoning)\s*>", re.IGNORECASE)
_FINAL = re.compile(r"<\|channel\|>\s*final\b(?:(?!<\|message\|>).){0,200}?<\|message\|>", re.DOTALL)
_MESSAGE_END = re.compile(r"<\|(?:end|return|start|call|channel)\|>")
_TURN_END = re.compile(r"(?:\s*<\|(?:im_end|endoftext|return|end|eot_id)\|>)+\s*\Z")
_TOKEN = re.compile(r"<\|[a-z_]{2,24}\|>")
_BARE_THOUGHT = re.compile(r"\A\s*(?:assistant)?\s*(?:analysis|commentary)(?=[^a-z\s,.:]|\s*[A-Z{\[])")
"""A channel's name that stands where its token was taken out (`analysisThe user wants …assistantfinal…`)."""
_BARE_FINAL = re.compile(r"assistantfinal\s*(?:json)?(?=[^a-z]|\Z)")
_FINAL_FIRST = re.compile(r"\A\s*(?:assistant)?\s*final\s*(?:json)?(?=\s*[{\[])")


def free_of_reasoning(content: str, harmony: bool = False) -> tuple[str, str]:
    """The text and "", or "" and why it cannot be told from the reasoning. `harmony`: also read harmony whose tokens were taken out.

    Think blocks may be whole, without their start (the template put it into the prompt), nested or several; what stands after
    the last end is the text. A block that is never closed, and a special token within the text, leave none.
    """
    text, problem = _after_channels(content, harmony)
    if problem:
        return "", problem
    text, problem = _after_thinking(text)
    if problem:
        return "", problem
    text = _TURN_END.sub("", text).strip()
    left = _TOKEN.search(text)
    return ("", f"the text holds the special token {left.group()}") if left else (text, "")


def _after_channels(content: str, harmony: bool) -> tuple[str, str]:
    finals = list(_FINAL.finditer(content))
    if finals:
        rest = content[finals[-1].end() :]
        end = _MESSAGE_END.search(rest)
        return (rest[: end.start()] if end else rest), ""
    if "<|channel|>" in content:
        return "", "the reply has no final channel"
    if not harmony:
        return content, ""
    bare = list(_BARE_FINAL.finditer(content))
    if bare:
        return content[bare[-1].end() :], ""
    if _BARE_THOUGHT.match(content):
        return "", "the reply is the analysis channel alone"
    return _FINAL_FIRST.sub("", content), ""


def _after_thinking(text: str) -> tuple[str, str]:
    ends = list(_THINK_END.finditer(text))
    rest = text[ends[-1].end() :] if ends else text
    if _THINK_START.search(rest):
        return "", "the thinking was never closed"
    return rest, ""
