"""The stitch stage's unit: one spoken dialogue in, its time line and two clean channels out."""

import numpy as np

from datagen.protocols import Failure
from datagen.records.plan import DialogPlan
from datagen.records.speech import SAMPLE_RATE_HZ, Clips, SpokenDialog
from datagen.records.timeline import StitchedDialog
from datagen.stages.stitch.asides import no_clips
from datagen.stages.stitch.bearing import bear
from datagen.stages.stitch.laying import Rules
from datagen.stages.stitch.mixing import mix
from datagen.stages.stitch.options import StitchOptions
from datagen.stages.stitch.placing import place
from datagen.stages.stitch.prefix import samples_left
from datagen.stages.stitch.records import timeline
from datagen.stages.stitch.shaping import shape
from datagen.stages.stitch.words import samples

VERSION = 2


def stitch(
    plan: DialogPlan,
    spoken: SpokenDialog,
    options: StitchOptions,
    rng: np.random.Generator,
    prefix_columns: int,
    clips: Clips = no_clips,
) -> StitchedDialog | Failure:
    """The dialogue on one clock, with its channels float32 [2, n_samples] in 16-bit steps at 24 kHz.

    What is sampled beside the turns is said with `clips`, the short utterances of both voices.

    Failures: `bad_words` (times out of order or outside the audio), `bad_barge_in` (a mark that no turn answers or that
    leaves nothing heard), `too_long` (fewer than `min_turns` turns fit beside the prefix), `no_turns`.
    """
    shaped = shape(plan, spoken, options, rng, clips)
    if isinstance(shaped, Failure):
        return shaped
    limit, rules = samples_left(options.max_columns, prefix_columns), rules_of(options)
    placement = place(bear(shaped.shapes, rules), rules, shaped.lead, shaped.tail, limit, shaped.rates)
    wanted = min(options.min_turns, len(spoken.turns))
    if len(placement.spots) < wanted:
        return Failure(
            "too_long",
            f"{len(placement.spots)} of {len(spoken.turns)} turns fit into the {limit / SAMPLE_RATE_HZ:.1f} s that a prefix of "
            f"{prefix_columns} columns leaves of {options.max_columns}, and {wanted} are needed.",
        )
    return StitchedDialog(
        timeline=timeline(spoken.dialog_id, placement, shaped, spoken.turns),
        channels=mix(placement, spoken.turns, shaped.said, options),
    )


def rules_of(options: StitchOptions) -> Rules:
    """What the options say about placing."""
    return Rules(
        fto=options.fto_model(),
        max_overlap_words=options.fto.max_overlap_words,
        max_question_words=options.fto.max_overlap_question_words,
        max_overlap_share=options.fto.max_overlap_turn_share,
        max_question_share=options.fto.max_overlap_question_share,
        max_key_share=options.fto.max_overlap_number_share,
        max_name_share=options.fto.max_overlap_name_share,
        max_yield=samples(options.barge_in.yield_s[1]),
        clear=samples(options.backchannel.clear_s),
        apart=samples(options.backchannel.apart_s),
    )
