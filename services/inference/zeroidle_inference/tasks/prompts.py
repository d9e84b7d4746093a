"""The wording of every prompt, in one place, so that its version can stand in each result.

The instruction comes first and is shared by all documents of a task; the document comes last.
"""

import hashlib

CLASSIFY_SYSTEM = "You label documents. You answer with one label and nothing else."
CLASSIFY = "{instruction}\n\nLabels: {labels}.\n\nDocument:\n"
CLASSIFY_INSTRUCTION = "Which of these labels fits the document best?"
CLASSIFY_AFTER = "\n\nWhich label fits: {labels}?"

EXTRACT_SYSTEM = "You copy facts from documents into JSON. You never invent any."
EXTRACT = "Fill in these fields from the document below: {fields}.\n\nDocument:\n"
EXTRACT_AFTER = "\n\nAnswer with the JSON object."

REDACT_SYSTEM = "You find personal data. You answer with one item a line, copied letter by letter."
REDACT = {
    "name": (
        "List every name of a person in the document, one a line.\n\n"
        "Example document:\nDear Ms Ruiz, our driver Tom Okafor met Lena at Bex Ltd.\n"
        "Example answer:\nRuiz\nTom Okafor\nLena\n\nDocument:\n"
    ),
    "address": (
        "List every postal address in the document, one a line.\n\n"
        "Example document:\nHe moved from 4 Elm Road, Leeds LS1 4AB to Kirchweg 9, 50667 Bonn.\n"
        "Example answer:\n4 Elm Road, Leeds LS1 4AB\nKirchweg 9, 50667 Bonn\n\nDocument:\n"
    ),
}

SUMMARIZE_SYSTEM = "You summarize documents in plain, complete sentences."
SUMMARIZE = "Summarize the document below in at most {words} words.{focus}\n\nDocument:\n"
SUMMARIZE_FOCUS = " Focus on: {focus}."
SUMMARIZE_AFTER = "\n\nSummary:"

PROMPT_VERSION = hashlib.sha256(
    "\n".join(
        [
            CLASSIFY_SYSTEM,
            CLASSIFY,
            CLASSIFY_INSTRUCTION,
            CLASSIFY_AFTER,
            EXTRACT_SYSTEM,
            EXTRACT,
            EXTRACT_AFTER,
            REDACT_SYSTEM,
            *REDACT.values(),
            SUMMARIZE_SYSTEM,
            SUMMARIZE,
            SUMMARIZE_FOCUS,
            SUMMARIZE_AFTER,
        ]
    ).encode()
).hexdigest()[:12]
"""Changes when any wording does."""
