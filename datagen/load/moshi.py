"""Training sequences of Moshi: the dialogue from its first frame, without a prompt."""

from datagen.errors import UserError
from datagen.load.assembly import Over, assemble
from datagen.load.dialog import Dialog
from datagen.load.sequence import Sequence
from datagen.load.spec import MOSHI, ModelSpec
from datagen.load.text_row import Policy
from datagen.load.tokenizers import Tokenizer


def sequence(
    dialog: Dialog,
    tokenizer: Tokenizer,
    *,
    spec: ModelSpec = MOSHI,
    policy: Policy = "shift",
    over: Over = "cut",
    learn_user: bool | None = None,
) -> Sequence:
    """The sequence of one dialogue: undelayed columns, and the weight of each token's loss. No role context or voice is needed.

    Arguments and errors as `datagen.load.personaplex.sequence`; UserError where `spec` has a prefix.
    """
    return assemble(dialog, tokenizer, _checked(spec), policy, learn_user).one(over)


def sequences(
    dialog: Dialog,
    tokenizer: Tokenizer,
    *,
    spec: ModelSpec = MOSHI,
    policy: Policy = "shift",
    learn_user: bool | None = None,
) -> list[Sequence]:
    """The whole dialogue in as many sequences as the model's columns need, in order. Arguments and errors as `sequence`."""
    return assemble(dialog, tokenizer, _checked(spec), policy, learn_user).all()


def _checked(spec: ModelSpec) -> ModelSpec:
    if spec.has_prefix:
        raise UserError(f"{spec.name} has a prefix. Use datagen.load.personaplex, or a spec with has_prefix=False.")
    return spec
