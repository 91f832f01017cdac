"""Who is speaking for how long: from the words on the clean channels, not from energy."""

from datagen.records.enums import Speaker
from datagen.records.spans import common, length, union
from datagen.records.speech import SAMPLE_RATE_HZ
from datagen.records.timeline import Activity, Timeline


def activity(timeline: Timeline) -> Activity:
    """Seconds of each speaker's heard words (in turns and beside them), of both at once, and of neither."""
    agent, user = (union(timeline.heard_spans(side)) for side in (Speaker.AGENT, Speaker.USER))
    agent_s, user_s, overlap_s = length(agent), length(user), length(common(agent, user))
    total_s = timeline.n_samples / SAMPLE_RATE_HZ
    return Activity(agent_s, user_s, overlap_s, max(0.0, total_s - (agent_s + user_s - overlap_s)))
