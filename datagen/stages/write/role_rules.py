"""What only one side of a call says: phrases over a text in small letters, with the words that have to be in it for them to apply."""

_HELD = r"(?:account|booking|reservation|order|policy|confirmation|member|membership|billing|case|claim|file|records?|profile|chart|ticket)"
_MADE = r"(?:booking|reservation|account|order|bill|plan|policy|appointment|visit|payment|claim|ticket|subscription|case|prescription)"

Rule = tuple[str, str, str]
"""Reason, the words of which a text has one where the rule can apply, and the pattern over the text in small letters."""

USER_RULES: tuple[Rule, ...] = (
    ("role_thanks", "choosing contacting", r"\bthank(?:s| you) (?:so much )?for (?:choosing|contacting) "),
    ("role_thanks", "calling", r"\bthank(?:s| you) (?:so much )?for calling(?! (?:me|back|us back))"),
    (
        "role_thanks",
        "thanks thank",
        r"\bthank(?:s| you) for (?:your (?:business|loyalty)|being (?:a (?:loyal |valued |great )*(?:customer|member|guest)|with us))",
    ),
    ("role_offer", "help assist", r"\bhow (?:can|may|could) (?:i|we) (?:help|assist) you\b"),
    ("role_offer", "do", r"\bwhat can i do for you\b"),
    (
        "role_offer",
        "else",
        r"\b(?:anything|something) else (?:that )?(?:i|we) (?:can|could|may) (?:help|assist|do for) ?(?:you|with)\b",
    ),
    ("role_offer", "else", r"\belse i can do for you\b"),
    ("role_offer", "offer", r"\bwe can offer you\b"),
    (
        "role_offer",
        "would",
        r"\bwould you like (?:me|us) to (?:book|reserve|schedule|cancel|change|open|process|rebook|order) .*\bfor you\b",
    ),
    ("role_offer", "shall should", rf"\b(?:shall|should) (?:i|we) \w+ .*\byour {_MADE}\b"),
    (
        "role_act",
        "i've we've have",
        r"\b(?:i've|i have|we've|we have) (?:just |now |already )?(?:opened|filed|booked|scheduled|moved|added|submitted|cancell?ed"
        rf"|processed|updated|transferred|credited|refunded|placed|issued|noted|changed|sent|waived|extended) "
        rf".*\b(?:your {_MADE}|for you|to your)\b",
    ),
    (
        "role_act",
        "text call notify email",
        r"\b(?:i'll|we'll|i will|we will) (?:text|call|notify|email) you (?:when|once|as soon as) (?:it|they|your \w+)(?:'s|'re| is| are) "
        r"(?:ready|done|in|processed|shipped|available)\b",
    ),
    (
        "role_code",
        "your",
        r"\byour (?:case|ticket|reference|booking|confirmation|order|claim|request|tracking|reservation)(?: number| code| id)?"
        r"(?: is|'s) \S*\d",
    ),
    ("role_lookup", "let", rf"\blet me (?:just )?(?:pull up|look up|bring up|find|check) your {_HELD}\b"),
    ("role_lookup", "get have", rf"\b(?:could|can|may) i (?:just |please )?(?:get|have) your (?:{_HELD}|date of birth|zip|last four)\b"),
    ("role_lookup", "your", rf"\bwhat(?:'s| is) your (?:{_HELD} (?:number|code|id)|date of birth|billing zip|confirmation)\b"),
)  # fmt: skip
AGENT_RULES: tuple[Rule, ...] = (
    (
        "role_swap",
        "my",
        r"\bmy (?:account|booking|reservation|policy|order|member|membership|billing|confirmation|tracking|claim|prescription|card|customer"
        r"|meter)"
        r"(?: number| code| id| zip| zip code)?(?: is|'s| ends) (?:\S*\d|in \d|[a-z] [a-z0-9]+ )",
    ),
    ("role_swap", "birth birthday", r"\bmy (?:date of birth|birthday)(?: is|'s)\b"),
    ("role_swap", "calling", r"\bi'm calling (?:about|because of|for|regarding|to (?:ask about|change|cancel|check on)) my\b"),
    (
        "role_swap",
        "i'd want need like",
        r"\b(?:i'd like|i would like|i want|i need) to (?:dispute|refill|cancel|change|move|return|rebook|renew|report"
        r"|reschedule|pay) my\b",
    ),
    ("role_company", "company", r"\b(?:what|which) company (?:is this|am i (?:calling|speaking|talking))\b"),
)  # fmt: skip
