"""The policy's decision, slow and obvious.

It walks the policy's text and the list of what is out, and reads each value
anew, for values of the forms that random policies have
(tests/server/policy/policies.cc).
"""

from datetime import datetime, timedelta, timezone

from slow_terms import Row

DAY_MS = 24 * 3_600_000
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NAMES = {"USER": "user", "HOST": "host", "PROJECT": "project",
         "APPLICATION": "application", "DISPLAY": "display",
         "ADDRESS": "peer_address", "VERSION": "version"}
GROUPS = {"USER_GROUP": "USERS", "HOST_GROUP": "HOSTS",
          "PROJECT_GROUP": "PROJECTS", "ADDRESS_GROUP": "ADDRESSES"}

NO_POLICY = Row(rules=[], groups=[], ignore_case=False)


def same(policy, left, right):
    if policy.ignore_case:
        return left.lower() == right.lower()
    return left == right


def ipv4(text):
    number = 0
    for byte in text.split("."):
        number = number * 256 + int(byte)
    return number


def in_range(address, value):
    if "/" in value:
        first, bits = value.split("/")
        size = 1 << (32 - int(bits))
        return ipv4(address) // size == ipv4(first) // size
    first, last = value.split("-")
    return ipv4(first) <= ipv4(address) <= ipv4(last)


def version_of(text):
    return [int(part) for part in text.split(".")]


def in_versions(version, value):
    first, dots, last = value.partition("..")
    version = version_of(version)
    if not dots:
        return version == version_of(first)
    return (not first or version_of(first) <= version) and \
        (not last or version <= version_of(last))


def days_of(text):
    days = set()
    for part in text.split(","):
        day, last = WEEK.index(part[:3]), WEEK.index(part[-3:])
        days.add(day)
        while day != last:
            day = (day + 1) % 7
            days.add(day)
    return days


def in_times(calendar_ms, value):
    days, hours = "mon-sun", "00:00-24:00"
    for word in value.split():
        if ":" in word:
            hours = word
        else:
            days = word
    now = datetime.fromtimestamp(calendar_ms // 1000, timezone.utc)
    today = now.replace(hour=0, minute=0, second=0)
    # The window of today, and yesterday's.
    for day in (today, today - timedelta(days=1)):
        start = day + timedelta(hours=int(hours[:2]), minutes=int(hours[3:5]))
        end = day + timedelta(hours=int(hours[6:8]), minutes=int(hours[9:]))
        if end <= start:
            end += timedelta(days=1)
        if day.weekday() in days_of(days) and start <= now < end:
            return True
    return False


def one_matches(policy, field, text, value):
    if not text:
        return False
    if field == "ADDRESS":
        return in_range(text, value)
    if field == "VERSION":
        return in_versions(text, value)
    return same(policy, text, value)


def part_matches(policy, part, who, calendar_ms):
    field = part.field.removeprefix("POLICY_FIELD_")
    if field == "TIME":
        return part.negated != any(in_times(calendar_ms, value)
                                   for value in part["values"])
    member = field.removesuffix("_GROUP")
    values = part["values"]
    if field in GROUPS:
        kind = "POLICY_GROUP_KIND_" + GROUPS[field]
        values = [value for group in policy.groups
                  if group.kind == kind and group.name in part["values"]
                  for value in group.members]
    text = who[NAMES[member]]
    return part.negated != any(one_matches(policy, member, text, value)
                               for value in values)


def is_time(part):
    return part.field == "POLICY_FIELD_TIME"


def matches(policy, rule, who):
    """By who it is."""
    return all(is_time(part) or part_matches(policy, part, who, 0)
               for part in rule.parts)


def in_effect(policy, rule, calendar_ms):
    return all(part_matches(policy, part, None, calendar_ms)
               for part in rule.parts if is_time(part))


def passes_edge(policy, before_ms, now_ms):
    """Some hours of a rule may have begun or ended."""
    for rule in policy.rules:
        for part in filter(is_time, rule.parts):
            for value in part["values"]:
                hours = value.split()[-1] if ":" in value else "00:00-24:00"
                for text in hours.split("-"):
                    at_ms = (int(text[:2]) * 60 + int(text[3:])) * 60_000
                    if (now_ms - at_ms) // DAY_MS > \
                            (before_ms - at_ms) // DAY_MS:
                        return True
    return False


def used(policy, rule, seats, feature, who):
    """What is out of those whom the rule counts together with `who`."""
    each = {"POLICY_EACH_USER": "user", "POLICY_EACH_HOST": "host"}
    name = each.get(rule.each)
    return sum(seat.units for seat in seats
               if seat.feature == feature and
               (not name or same(policy, seat.holder[name], who[name])) and
               matches(policy, rule, seat.holder))


def span_rule(policy, kind, who, feature):
    """The first that matches, those that name the feature before the rest."""
    for named in (feature, ""):
        for rule in policy.rules:
            if rule.kind == kind and rule.feature == named and \
                    matches(policy, rule, who):
                return rule
    return Row(span_ms=0, warning_ms=0)


def idle_terms(policy, who, feature):
    """After how long a seat is taken back, 0: never; and the warning."""
    rule = span_rule(policy, "POLICY_RULE_KIND_IDLE", who, feature)
    return rule.span_ms, rule.warning_ms


def linger_ms(policy, who, feature):
    return span_rule(policy, "POLICY_RULE_KIND_LINGER", who, feature).span_ms


def decide(policy, seats, who, calendar_ms, feature, count, total, free):
    """How bad it is, why not, and whether waiting helps."""
    kinds = {"DENY": [], "ALLOW": [], "LIMIT": [], "RESERVE": [], "IDLE": [],
             "LINGER": []}
    for rule in policy.rules:
        if rule.feature in ("", feature):
            kinds[rule.kind.removeprefix("POLICY_RULE_KIND_")].append(rule)

    def applies(rule):
        return in_effect(policy, rule, calendar_ms) and \
            matches(policy, rule, who)

    def use(rule):
        return used(policy, rule, seats, feature, who)

    if any(map(applies, kinds["DENY"])):
        return (4, "POLICY_DENIED", False)
    covered = False
    for_others = 0
    left = total
    for rule in kinds["RESERVE"]:
        if in_effect(policy, rule, calendar_ms):
            kept = min(left, rule.units)
            left -= kept
            unused = max(0, kept - use(rule))
            if matches(policy, rule, who):
                covered |= unused >= count
            elif not rule.lend:
                for_others += unused
    if not covered:
        if kinds["ALLOW"] and not any(map(applies, kinds["ALLOW"])):
            return (3, "POLICY_DENIED", False)
        for rule in kinds["LIMIT"]:
            if applies(rule) and use(rule) + count > rule.units:
                return (2, "POLICY_LIMIT", count <= rule.units)
    if count <= free < count + for_others:
        return (1, "SEATS_RESERVED", True)
    return (0, "", False)


def why_not(policy, seats, who, calendar_ms, asked):
    """The worst of what is asked (feature, count, total, free), the first."""
    return max([(0, "", False)] + [
        decide(policy, seats, who, calendar_ms, *each) for each in asked],
        key=lambda decided: decided[0])[1:]
