"""Training sequences of PersonaPlex: the hybrid system prompt, then the dialogue.

spec = replace(PERSONAPLEX, codec="")                    # takes any codec's tokens, for trying
made = personaplex.sequence(dialog, tokenizer)           # codes int64 [17, T], weights float32 [17, T], n_prefix
made = personaplex.sequence(dialog.swapped(), tokenizer) # the user's side as the one to learn
"""

from datagen.errors import UserError
from datagen.load.assembly import Over, assemble
from datagen.load.dialog import Dialog
from datagen.load.sequence import Sequence
from datagen.load.spec import PERSONAPLEX, ModelSpec
from datagen.load.text_row import Policy
from datagen.load.tokenizers import Tokenizer


def sequence(
    dialog: Dialog,
    tokenizer: Tokenizer,
    *,
    spec: ModelSpec = PERSONAPLEX,
    policy: Policy = "shift",
    over: Over = "cut",
    learn_user: bool | None = None,
) -> Sequence:
    """The sequence of one dialogue: the columns that inference feeds, undelayed, and the weight of each token's loss.

    Args:
        dialog: a row of a build; `dialog.swapped()` to learn the user's side.
        tokenizer: the model's own text tokenizer, for the role context and the words.
        spec: the model's constants.
        policy: "shift" or "drop" of `text_row`: what happens to tokens that find the next word begun.
        over: a dialogue longer than `spec.max_columns` less the prefix is cut where the floor changes ("cut"; what was kept
            is in `first_frame` and `last_frame`) or is an error ("error").
        learn_user: whether the user's rows bear a loss; None is the model's own `spec.predicts_user`.

    Raises:
        DataError: the row is not what the model takes (another codec, too few books, codes or tokens out of range, sides of
            different length, no role context, no voice prompt, a prefix that leaves no room, a dialogue over the limit); one
            line with file and row.
        UserError: `spec` has no prefix, or an option is none of those named.
    """
    return assemble(dialog, tokenizer, _checked(spec), policy, learn_user).one(over)


def sequences(
    dialog: Dialog,
    tokenizer: Tokenizer,
    *,
    spec: ModelSpec = PERSONAPLEX,
    policy: Policy = "shift",
    learn_user: bool | None = None,
) -> list[Sequence]:
    """The whole dialogue in as many sequences as the model's columns need, in order, each with the prefix; nothing is lost.

    Pieces meet where the floor changes, else between two words. Arguments and errors as `sequence`.
    """
    return assemble(dialog, tokenizer, _checked(spec), policy, learn_user).all()


def _checked(spec: ModelSpec) -> ModelSpec:
    if not spec.has_prefix:
        raise UserError(f"{spec.name} has no prefix. Use datagen.load.moshi, or a spec with has_prefix=True.")
    return spec
