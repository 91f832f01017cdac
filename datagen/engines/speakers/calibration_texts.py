"""What the voices are measured on: sentences that no dialogue uses, put together to texts of about ten seconds."""

from datagen.store.ids import seed_of

MEASURED = (
    "The old harbor wall keeps the worst of the winter waves away from the boats."
    " A few of them rock all night long, and nobody seems to mind. Why would they?",
    "My cousin grows pears, plums and yellow cherries behind the school."
    " Each summer she fills nine jars, then hides them so well that she loses three.",
)
"""A voice's own measures are the means over these two."""

CALIBRATED = tuple(
    """Could you hand me that blue folder?
It was under the lamp yesterday.
We should check how much paint is left before noon.
Fog rolled down from the hills and covered both valleys.
Two trains waited for an hour on the bridge.
When the sun came back, everyone cheered.
A wooden spoon is better than a metal one.
Please do not feed the geese near the pond.
The choir sang until the candles burned low.
He folded the map twice and put it in his boot.
Thick smoke hung over the small camp fire.
Is there any soup left for your brother?
She measured the shelf, then cut it too short.
Rain makes the clay road slick and brown.
I would rather walk than wait for the ferry.
The judge read every page of the report.
Our neighbors keep chickens and one loud rooster.
That joke was funny the first nine times.
Put the heavy stones at the bottom of the pile.
Fresh bread smells good, even through a closed door.
They painted the fence green to match the gate.
Who left the window open last night?
A young fox crossed the field without a sound.
The clock in the tower runs five minutes fast.
Most of these nails are bent or full of rust.
We huddled under the bridge while it hailed.
Her voice shook a little, but she went on.
Beans, corn and squash grow well together.
The mayor shook hands with each of the rowers.
You can see the whole valley from this ledge.
Why does the kettle whistle in the morning only?
Cheap shoes cost more in the long run.
He owes me a favor and a new umbrella.
The puppy chewed right through the garden hose.
Only a thin layer of ice covered the lake.
Thank the pilot for such a smooth landing.
A row of tall poplars hides the factory.
The baker ties each box with red string.
It took both of us to move the piano.
Large moths circle the lamp above the porch.""".splitlines()
)
"""The sentences by which the distance and its threshold are set."""

HELD_OUT = tuple(
    """Some people whistle while they work; others need silence.
I once shared a room with a very good drummer.
Her garden gate squeaks whenever it rains.
The dog jumps up and runs to see who is coming.
Seven swans flew low across the marsh.
Would you rather have the chair or the bench?
Dry leaves gather in the corner of the yard.
The museum closes its upper floor in July.
A broken pencil is still half a pencil.
They argued about the rules, then changed the game.
Warm milk and honey will help you sleep.
The road bends sharply after the stone church.
Grandfather carved that owl from a single branch.
Nobody could find the switch in the dark.
Cold water drips from the roof of the cave.
Choose a thread that goes with the cloth.
The children built a raft from empty barrels.
Which of these keys opens the tool shed?
His handwriting looks like a row of ants.
Both sisters collect shells, coins and stamps.""".splitlines()
)
"""The sentences on which the confusion is counted."""

SENTENCES = 4


def texts_for(voice_id: str, sentences: tuple[str, ...], n_texts: int) -> list[str]:
    """`n_texts` texts of four sentences each for a voice, drawn by its id, no sentence in two of them."""
    drawn = sorted(sentences, key=lambda s: seed_of("calibration text", voice_id, s))
    return [" ".join(drawn[n * SENTENCES : (n + 1) * SENTENCES]) for n in range(n_texts)]
