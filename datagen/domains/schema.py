"""The strict models of a service domain's files. What each key means is on the page prompts/README.md."""

from typing import Any, Literal

from pydantic import Field, field_validator

from datagen.config import Options, knob

Text = str
Phrasings = tuple[str, ...]
Rate = float


class CompanySpec(Options):
    """One kind of company and how its names are composed."""

    business: tuple[str, ...] = Field(min_length=1, description="what the company is, without article")
    patterns: tuple[str, ...] = Field(min_length=1, description="name patterns over parts")
    parts: dict[str, tuple[str, ...]] = Field(description="words by part name")


class FactSpec(Options):
    """One line of the role context."""

    text: str = Field(description="a short sentence")
    when: str = knob("", "condition over slots")


class IdentitySpec(Options):
    """One way to check who calls."""

    name: str = Field(description="name of the check")
    slot: str = Field(description="the slot that is asked for")
    agent: Phrasings = Field(min_length=1, description="the agent asks")
    user: Phrasings = Field(min_length=1, description="the caller gives it")
    fact: str = Field(description="the line of the role context that the agent compares with")
    share: float = knob(1.0, "weight among the checks", gt=0)


class QuestionSpec(Options):
    """Something that the caller may ask and the agent can answer."""

    name: str = Field(description="unique in the file")
    user: Phrasings = Field(min_length=1, description="the caller asks")
    agent: Phrasings = Field(min_length=1, description="the answer")
    after: str = knob("", "step that must have happened")
    when: str = knob("", "condition over slots")
    share: float = knob(1.0, "weight among the questions", gt=0)


class RefusalSpec(Options):
    """Something that the caller asks for and cannot have."""

    name: str = Field(description="unique in the file")
    user: Phrasings = Field(min_length=1, description="the caller asks for it")
    agent: Phrasings = Field(min_length=1, description="the agent says no, with the reason")
    offer: Phrasings = Field(min_length=1, description="what can be done instead")
    accept: Phrasings = knob((), "the caller takes it")
    decline: Phrasings = knob((), "the caller does not")
    done: Phrasings = knob((), "the agent's word if it is taken")
    push: Phrasings = knob((), "the caller objects")
    after: str = knob("", "step that must have happened")
    when: str = knob("", "condition over slots")
    share: float = knob(1.0, "weight among the refusals", gt=0)


class UnrelatedSpec(Options):
    """A question that has nothing to do with the service."""

    user: Phrasings = Field(min_length=1, description="an off-topic question")
    agent: Phrasings = knob((), "the agent redirects")


class ParameterSpec(Options):
    """One argument or one result field of a tool, as JSON schema has it."""

    type: Literal["string", "integer", "number", "boolean"] = Field(description="JSON type")
    description: str = knob("", "what it means")
    enum: tuple[str, ...] = knob((), "the values that it may have; any where empty")
    required: bool = knob(True, "whether a call has to give it")


class ToolSpec(Options):
    """A function that the agent of kind `tool` may call: its name, what it takes and what comes back."""

    name: str = Field(description="unique in the domain", pattern=r"^[a-z][a-z0-9_]{1,63}$")
    description: str = Field(description="one sentence: what it does")
    parameters: dict[str, ParameterSpec] = Field(min_length=1, description="arguments by name")
    returns: dict[str, ParameterSpec] = Field(min_length=1, description="fields of the result by name")


class AskSpec(Options):
    """The agent asks for a slot."""

    name: str = Field(description="unique in the file")
    slot: str = Field(description="the slot that the caller gives")
    agent: Phrasings = Field(min_length=1, description="the agent asks")
    user: Phrasings = Field(min_length=1, description="the caller answers")
    early: Phrasings = knob((), "the caller volunteers it after the opening")
    again: Phrasings = knob((), "asking once more")
    readback: Literal["always", "sometimes", "never"] | Phrasings = knob("sometimes", "whether and how it is read back")
    wrong: bool = knob(True, "whether the caller may get it wrong at first")
    late: bool = knob(False, "whether the caller may not have it at hand")
    bad: str = knob("", "condition over slots under which the answer is bad news")
    when: str = knob("", "condition over slots")


class LookupSpec(Options):
    """The agent looks something up while the caller waits."""

    name: str = Field(description="unique in the file")
    agent: Phrasings = knob((), "the agent asks to wait")
    found: Phrasings = Field(min_length=1, description="what the agent found")
    tool: str = knob("", "the domain's tool that is called here")
    arguments: dict[str, str] = knob({}, "the tool's parameters, each with the slot that it takes")
    result: dict[str, str] = knob({}, "the tool's result fields, each with the slot that it is")
    bad: str = knob("", "condition over slots under which it is bad news")
    when: str = knob("", "condition over slots")


class TellSpec(Options):
    """The agent informs."""

    name: str = Field(description="unique in the file")
    agent: Phrasings = Field(min_length=1, description="what is told")
    user: Phrasings = knob((), "the caller's reactions")
    must: bool = knob(True, "said again if the caller cut in before hearing it")
    bad: str = knob("", "condition over slots under which it is bad news")
    when: str = knob("", "condition over slots")


class OfferSpec(Options):
    """The agent offers options; the caller takes the slot's value."""

    name: str = Field(description="unique in the file")
    slot: str = Field(description="the slot that holds what the caller takes")
    agent: Phrasings = Field(min_length=1, description="the options as a question")
    user: dict[str, Phrasings] | Phrasings = Field(description="phrasings by value, or phrasings that use the slot")
    when: str = knob("", "condition over slots")


class DoSpec(Options):
    """The agent acts, after asking leave if `agent` is given."""

    name: str = Field(description="unique in the file")
    agent: Phrasings = knob((), "asks leave")
    user: Phrasings = knob((), "the caller agrees")
    done: Phrasings = Field(min_length=1, description="the agent says that it is done")
    tool: str = knob("", "the domain's tool that is called here")
    arguments: dict[str, str] = knob({}, "the tool's parameters, each with the slot that it takes")
    result: dict[str, str] = knob({}, "the tool's result fields, each with the slot that it is")
    bad: str = knob("", "condition over slots under which it is bad news")
    when: str = knob("", "condition over slots")


StepSpec = AskSpec | LookupSpec | TellSpec | OfferSpec | DoSpec
STEP_KINDS: dict[str, type[Options]] = {
    "ask": AskSpec,
    "lookup": LookupSpec,
    "tell": TellSpec,
    "offer": OfferSpec,
    "do": DoSpec,
}


class RatesSpec(Options):
    """How callers behave. Shares of dialogues, unless a unit says otherwise."""

    early: Rate = knob(0.45, "volunteers what the agent would ask", "share", ge=0, le=1)
    late: Rate = knob(0.15, "does not have something at hand", "share", ge=0, le=1)
    wrong: Rate = knob(0.22, "gets something wrong and corrects it", "share", ge=0, le=1)
    verify_fail: Rate = knob(0.15, "fails an identity check at first", "share", ge=0, le=1)
    readback: Rate = knob(0.5, "of what may be read back is", "share of asks", ge=0, le=1)
    mishear: Rate = knob(0.12, "mishears once and asks again", "share", ge=0, le=1)
    refusal: Rate = knob(0.4, "asks for something that is refused", "share", ge=0, le=1)
    push: Rate = knob(0.45, "objects to the refusal", "share of refusals", ge=0, le=1)
    accept: Rate = knob(0.75, "takes the alternative", "share of refusals", ge=0, le=1)
    rude: Rate = knob(0.12, "is rude", "share", ge=0, le=1)
    calms: Rate = knob(0.7, "calms down again", "share of rude", ge=0, le=1)
    unrelated: Rate = knob(0.1, "asks something off-topic", "share", ge=0, le=1)
    questions: Rate = knob(1.2, "questions of the caller", "mean number", ge=0, le=5)
    one_more: Rate = knob(0.3, "comes up with one more question at the end", "share", ge=0, le=1)
    moods: dict[str, float] = knob(
        {"neutral": 5.0, "cheerful": 2.0, "anxious": 1.2, "hurried": 1.0, "annoyed": 0.8},
        "weights of the caller's moods",
    )

    @field_validator("moods")
    @classmethod
    def _known(cls, value: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(value) - set(MOODS))
        if unknown or not value or min(value.values()) < 0 or sum(value.values()) <= 0:
            raise ValueError(f"weights above zero of {', '.join(MOODS)}; got {value}.")
        return value


MOODS = ("neutral", "cheerful", "anxious", "hurried", "annoyed")


class DomainSpec(Options):
    """domain.toml of a service domain. Slots are read one by one, each by its type's model."""

    kind: Literal["service"] = Field(description="service")
    title: str = Field(description="shown in lists")
    companies: tuple[CompanySpec, ...] = Field(min_length=1, description="companies of the domain")
    customer_known: bool = knob(True, "whether the customer's name is always in the role context")
    roles: tuple[str, ...] = knob((), "the agent's possible job titles: front desk clerk")
    policies: tuple[str | FactSpec, ...] = knob((), "rules of the house, in every role context after the facts")
    tools: tuple[ToolSpec, ...] = knob((), "functions that the agent of kind `tool` may call")
    greetings: Phrasings = knob((), "the agent's first turn")
    slots: dict[str, dict[str, Any]] = knob({}, "slots of every scenario")
    facts: tuple[str | FactSpec, ...] = knob((), "facts of every role context")
    identity: tuple[IdentitySpec, ...] = knob((), "ways to check who calls")
    questions: tuple[QuestionSpec, ...] = knob((), "questions of every scenario")
    refusals: tuple[RefusalSpec, ...] = knob((), "refusals of every scenario")
    unrelated: tuple[UnrelatedSpec, ...] = knob((), "off-topic questions")
    rates: dict[str, Any] = knob({}, "how callers behave")


class ScenarioSpec(Options):
    """A scenario's file. Steps are read one by one, each by its kind's model."""

    title: str = Field(description="what the caller wants")
    share: float = knob(1.0, "weight among the scenarios", gt=0)
    goal: str = Field(description="the caller's goal, second person")
    tone: Literal["plain", "trouble"] = knob(
        "plain", "trouble: the caller has a complaint or a loss, and nobody is glad"
    )
    verify: int | tuple[str, ...] = knob(0, "identity checks: how many, or which")
    slots: dict[str, dict[str, Any]] = knob({}, "slots of this scenario")
    facts: tuple[str | FactSpec, ...] = Field(min_length=1, description="what the agent knows")
    opening: Phrasings = Field(min_length=1, description="the caller's reason")
    steps: tuple[dict[str, Any], ...] = Field(min_length=1, description="the agent's task")
    questions: tuple[QuestionSpec, ...] = knob((), "what the caller may ask")
    refusals: tuple[RefusalSpec, ...] = knob((), "what the caller cannot have")
    complaints: Phrasings = knob((), "what a rude caller says")
    rates: dict[str, Any] = knob({}, "overrides of the domain's rates")
