"""The wording of every prompt, in one place, so that its version can stand in each result.

The instruction comes first and is shared by all documents of a task; the document comes last.
"""

import hashlib

CLASSIFY_INSTRUCTION = "What is this message about?"
CLASSIFY_BEFORE = '"'
CLASSIFY_AFTER = '"\n\n{instruction} {labels}?'
CLASSIFY_LONG = '{instruction}\n\n"'
CLASSIFY_LONG_AFTER = '"\n\nIs it {labels}?'

EXTRACT_SYSTEM = "You copy facts from documents into JSON. You never invent any."
EXTRACT = "Fill in these fields from the document below: {fields}.\n\nDocument:\n"
EXTRACT_AFTER = "\n\nAnswer with the JSON object."

# Examples in the shared prefix cost nothing per candidate. One for each kind would make the last
# one a habit, so the kinds are mixed.
REDACT_KINDS = ("person", "address", "place", "company", "word")
REDACT = (
    "Say what the words in brackets are: person, address, place, company or word.\n\n"
    "Text: He has known [Farrow] since school.\nAnswer: person\n\n"
    "Text: She has worked for [Nordlys Freight] since May.\nAnswer: company\n\n"
    "Text: We met in [Lisbon] last summer.\nAnswer: place\n\n"
    "Text: and then [Amara Osei] called back at noon.\nAnswer: person\n\n"
    "Text: see the [Annual Report] of 3 May\nAnswer: word\n\n"
    "Text: The keys are at [12 Elm Rise] with the porter.\nAnswer: address\n\n"
    "Text: He wrote to [Hillside Bank] again.\nAnswer: company\n\n"
    "Text: paid for by [Ingrid Solheim] and her son\nAnswer: person\n\n"
    "Text: "
)
REDACT_AFTER = "\nAnswer:"

# Said before and after: what stands nearest the answer weighs most with a small model.
SUMMARIZE = "Summarize the document below in at most {words} words.{focus}\n\n"
SUMMARIZE_FOCUS = " Focus on: {focus}."
SUMMARIZE_AFTER = "\n\nSummarize the text above in at most {words} words.{focus}"

PROMPT_VERSION = hashlib.sha256(
    "\n".join(
        [
            CLASSIFY_INSTRUCTION,
            CLASSIFY_BEFORE,
            CLASSIFY_AFTER,
            CLASSIFY_LONG,
            CLASSIFY_LONG_AFTER,
            EXTRACT_SYSTEM,
            EXTRACT,
            EXTRACT_AFTER,
            REDACT,
            REDACT_AFTER,
            *REDACT_KINDS,
            SUMMARIZE,
            SUMMARIZE_FOCUS,
            SUMMARIZE_AFTER,
        ]
    ).encode()
).hexdigest()[:12]
"""Changes when any wording does."""
