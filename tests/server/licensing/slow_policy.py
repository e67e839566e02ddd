"""The policy: rules of the administrators for whom, when and how much.

Here is what the parts of a rule mean, which rule is for whom, and how bad it is
what the rules say of a request. Each version that was put in force is kept for
a while.
"""

from ipaddress import ip_address, ip_network

from slow_pools import Pools
from slow_terms import DAY, MINUTE, Refusal, Row, date_of, need, version_of

WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
NO_POLICY = Row(rules=[], groups=[], ignore_case=False)


def read_times(text):
    """mon-fri,sun 22:00-06:00 as weekdays and two minutes of a day."""
    days, hours = set(), "00:00-24:00"
    for word in text.replace(",", " ").split():
        hours = word if ":" in word else hours
        if ":" not in word:
            first, last = WEEK.index(word[:3]), WEEK.index(word[-3:])
            days |= {(first + i) % 7 for i in range((last - first) % 7 + 1)}
    start, end = (int(at[:2]) * 60 + int(at[3:]) for at in hours.split("-"))
    return days or {*range(7)}, start, end


def is_value(field, said, value):
    """What is said is what this value of a rule means."""
    if field == "TIME":  # What goes past midnight is of the day before.
        days, start, end = read_times(value)
        date = date_of(int(said))
        minute = date.hour * 60 + date.minute
        return any(start <= minute + ago * 1440 < end + (end <= start) * 1440
                   and (date.weekday() - ago) % 7 in days for ago in (0, 1))
    if field == "VERSION":
        first, dots, last = value.partition("..")
        return version_of(first) <= version_of(said) and (
            dots and not last or version_of(said) <= version_of(last or first))
    if field == "ADDRESS" and "/" in value:
        return ip_address(said) in ip_network(value, strict=False)
    if field == "ADDRESS":
        first, last = map(ip_address, value.split("-"))
        return first <= ip_address(said) <= last
    return said == value


class Policy(Pools):
    """What the rules say."""

    def policy(self):
        return self.policies.get(self.next["policies"], NO_POLICY)

    def fold(self, text):
        return text.lower() if self.policy().ignore_case else text

    def holds(self, part, client):
        """One value of this part of a rule is what the client says."""
        field = part.field.removeprefix("POLICY_FIELD_")
        field, is_group, _ = field.partition("_GROUP")
        values = part.any_of if not is_group else [
            member for group in self.policy().groups for member in group.members
            if group.name in part.any_of and field in group.kind]
        said = client[field.lower()]
        return part.negated != any(
            said and is_value(field, self.fold(said), self.fold(value))
            for value in values)

    def is_in_effect(self, rule):
        return all(self.holds(part, Row(time=str(self.today)))
                   for part in rule.parts if part.field == "POLICY_FIELD_TIME")

    def matches(self, rule, client):
        return all(self.holds(part, client) for part in rule.parts
                   if part.field != "POLICY_FIELD_TIME")

    def is_about(self, rule, feature):
        """It names the feature, or a group that has it, or nothing at all."""
        if not rule.feature_group:
            return rule.feature in ("", feature)
        return any(group.name == rule.feature_group and
                   feature in group.members for group in self.policy().groups
                   if group.kind == "POLICY_GROUP_KIND_FEATURES")

    def first_rule(self, client, feature, *kinds):
        """That matches now; those that name the feature before the rest."""
        for rule in sorted(self.policy().rules, key=lambda rule: not (
                rule.feature or rule.feature_group)):
            if rule.kind.removeprefix("POLICY_RULE_KIND_") in kinds and \
                    self.is_about(rule, feature) and \
                    self.is_in_effect(rule) and self.matches(rule, client):
                return rule
        return Row()

    def units_of(self, rule, client, feature, counts=bool):
        """What is out of those whom the rule counts together with him."""
        each = rule.each.removeprefix("POLICY_EACH_").lower()
        holders = [(seat.count, self.client_of(seat))
                   for seat in self.seats.values()
                   if seat.feature == feature and counts(seat)]
        return sum(count for count, holder in holders
                   if self.matches(rule, holder) and self.fold(
                       holder.get(each, "")) == self.fold(client.get(each, "")))

    def decide(self, client, feature, count, total, free):
        """How bad it is, and the refusal."""
        rules, covered, for_others, calls_back = {}, False, 0, False
        for rule in self.policy().rules:
            if self.is_about(rule, feature):
                active = self.is_in_effect(rule)
                rules.setdefault(rule.kind.removeprefix("POLICY_RULE_KIND_"),
                                 []).append(Row(
                    rule, active=active,
                    mine=active and self.matches(rule, client),
                    used=self.units_of(rule, client, feature)))
        if any(rule.mine for rule in rules.get("DENY", [])):
            return 4, Refusal("POLICY_DENIED")
        for rule in rules.get("RESERVE", []):
            kept = min(total, rule.units) if rule.active else 0
            total -= kept
            unused = max(0, kept - rule.used)
            covered |= rule.mine and unused >= count
            for_others += 0 if rule.mine or rule.lend else unused
            calls_back |= rule.active and rule.lend and rule.span_ms > 0
        if not covered and "ALLOW" in rules and \
                not any(rule.mine for rule in rules["ALLOW"]):
            return 3, Refusal("POLICY_DENIED")
        for rule in rules.get("LIMIT", []):
            if rule.mine and not covered and rule.used + count > rule.units:
                return 2, Refusal("POLICY_LIMIT", count <= rule.units)
        if calls_back and not covered:
            for_others += self.claimed(feature)
        if count <= free < count + for_others:
            return 1, Refusal("SEATS_RESERVED", True)
        return 0, None

    def passes_edge(self, before):
        """A licence or the hours of a rule began or ended."""
        hours = [minute * MINUTE for rule in self.policy().rules
                 for part in rule.parts if part.field == "POLICY_FIELD_TIME"
                 for value in part.any_of for minute in read_times(value)[1:]]
        return any((self.today - at) // DAY > (before - at) // DAY
                   for at in hours) or any(
            before < at <= self.today and grant.start <= at <= grant.end
            for grant in self.grants
            for at in (grant.start, grant.end, grant.overdraft_end))

    def apply_policy(self, ask):
        need(ask.base_version == self.next["policies"], "POLICY_CHANGED")
        if ask.policy != self.policy():
            need(all(rule.name for rule in ask.policy.rules), "BAD_REQUEST")
            self.put_in_force(ask.policy)

    def roll_back_policy(self, ask):
        need(ask.base_version == self.next["policies"], "POLICY_CHANGED")
        need(ask.version in {0, *self.policies}, "POLICY_VERSION_NOT_FOUND")
        self.put_in_force(self.policies.get(ask.version, NO_POLICY))

    def put_in_force(self, policy):
        if len(self.policies) == self.limits.policy_versions:
            del self.policies[min(self.policies)]
        self.next["policies"] += 1
        self.policies[self.next["policies"]] = policy
        self.mark_all()
