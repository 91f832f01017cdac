"""What base speakers say for a bank: sentences that no dialogue, no voice prompt of a build and no calibration has."""

REFERENCE_TEXT = (
    "Behind the mill, a narrow path climbs between the hedges to a field of barley. "
    "We stopped there twice, once because Jonah had lost a shoe. Should we have turned back?"
)
"""About eight seconds: what the reference clips of a speaker engine's voices say."""

PROMPT_TEXT = (
    "The ferry leaves the island at dusk, when the lanterns along the pier are being lit one by one. "
    "Gulls follow it for a mile, then give up and drift home. "
    "On deck a woman is peeling an orange, and two boys argue about which star is the first. "
    "Neither of them notices that the engine has grown quiet."
)
"""About sixteen seconds: what their voice prompts say."""
