/** Private terms that docs/glossary.md has the field's word for, and turns no engineer uses. */
export const UNWANTED_WORDS: readonly RegExp[] = [
  /\bre-?sign(?:s|ed|ing)?\b/i,
  /\blanes?\b|\blaneKeys\b/i,
  /\bbacklog\b(?!: LISTEN_BACKLOG)/i,
  /\bwithdraw(?:n|al|s)?\b|\bWithdrawalSignal\b/i,
  /\bCallEnd\b/,
  /\brivals?\b|\bsharers\b/i,
  /\bfleet\b|\bisTogether\b|\bgoAlone\b/i,
  /\bledger\b/i,
  /\b(?:alone|watched|closed)Rule\b/,
  /\bown-calls\b|\bin-time\b|\bus-central\b|\boldest-first\b|\bbad-heads\b|\bheld-bodies\b/,
  /\bbroken-request\b|\bnext-calls\b|\blive-events\b|\busual-reply\b/,
  /\b(?:is)?blind(?:ly)?\b|\bwriteBlindly\b|\bhiddenProblem\b/i,
  /\b(?:raw)?exchanges?\b|\bexamin(?:e[sd]?|ing)\b|\b(?:heart-)?beats?\b/i,
  /\bstrangers?\b|\balarm\b|\btransit\b|\btenths\b|\binterference\b/i,
  /\b(?:un)?carriable\b|\bisCarriable\b|\bwhenOver\b|\bperWindow\b|\bstartOf\b/i,
  /\bnobody\b|\bwhoever\b|\bshall\b|\banew\b|\bof late\b|\bby turns\b|\bpassed over\b|\bso many\b|\bfor ever\b|\bin vain\b/i,
  // Not "if there is none", which is plain English.
  /(?<!there )\bis none\b/i,
];
