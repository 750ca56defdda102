"""Policies: effects of a treatment that units take up at different times, and their checks."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "diagnostic": {
            "Balance": "diagnostic.balance",
            "GoodmanBacon": "diagnostic.goodman_bacon",
            "HonestBounds": "diagnostic.honest",
            "Leads": "diagnostic.leads",
            "NegativeWeights": "diagnostic.goodman_bacon",
            "PlaceboInSpace": "diagnostic.policy_placebo",
            "PlaceboInTime": "diagnostic.policy_placebo",
        },
        "model": {"DiD": "model.did"},
        "panel": {
            "Policy": "panel.policy",
            "PolicyColumns": "panel.policy",
            "match_weight": "panel.policy",
            "policy_columns": "panel.policy",
        },
        "report": {
            "EventStudy": "report.event_study",
            "PolicyChecks": "report.policy_checks",
        },
        "report.picture": {
            "event_numbers": "picture.event_study",
            "plot_bacon": "picture.policy",
            "plot_event_study": "picture.event_study",
            "plot_placebo": "picture.policy",
            "plot_rollout": "picture.event_study",
        },
        "sample": {
            "Matched": "sample.matching",
            "Matching": "sample.matching",
        },
        "source": {
            "PolicyTruth": "source.policies",
            "SimulatedPolicy": "source.policies",
        },
    },
    former={
        "model.did.base": "model.did",
        "model.did": "model",
        "numeric.did": "numeric",
        "report.picture.event_study": "picture.event_study",
        "report.picture.policy": "picture.policy",
    },
    offers={"panel_columns": "panel.policy:MAKER"},
)
