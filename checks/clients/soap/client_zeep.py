"""zeep against the sandbox: client_zeep.py <endpoint>. A line a case; ends with 1 when one fails."""

import sys
import uuid

import zeep
from shared import check, failures, signed

endpoint = sys.argv[1]
run = uuid.uuid4().hex
email = f"zeep-{run}@example.com"
client = zeep.Client(f"{endpoint}?WSDL")
service = client.service
NS = "{http://www.marketo.com/mktows/}"


def headers(workspace=None, key="sandbox-encryption-key"):
    made = [client.get_element(f"{NS}AuthenticationHeader")(**signed(key))]
    if workspace is not None:
        made.append(client.get_element(f"{NS}MktowsContextHeader")(targetWorkspace=workspace))
    return made


def sync(record, workspace=None, **more):
    return service.syncLead(leadRecord=record, **{"returnLead": False, **more}, _soapheaders=headers(workspace))


def fault(work):
    try:
        work()
    except zeep.exceptions.Fault as caught:
        detail = caught.detail[0]
        return (caught.message, detail.tag, detail.findtext("code"))
    return None


def case(what, expected, work):
    check("python zeep", what, expected, work)


case("loads the WSDL", ["describeMObject", "getLead", "getMultipleLeads", "syncLead", "syncMultipleLeads"], lambda: sorted(
    client.wsdl.services["MktMktowsApiService"].ports["MktowsApiSoapPort"].binding._operations))
created = sync(
    {
        "Email": email,
        "ForeignSysPersonId": f"zeep-{run}",
        "ForeignSysType": "CUSTOM",
        "leadAttributeList": {
            "attribute": [
                {"attrName": "FirstName", "attrValue": "Zoë & <b> 😀"},
                {"attrName": "PostalCode", "attrType": "string", "attrValue": "02134"},
            ]
        },
    },
    returnLead=True,
    marketoCookie=f"id:zeep&token:{run}",
)
lead_id = created.leadId
case("syncLead creates", "CREATED", lambda: created.syncStatus.status)
case(
    "syncLead returns the lead",
    (email, ["Zoë & <b> 😀", "02134"]),
    lambda: (created.leadRecord.Email, [one.attrValue for one in created.leadRecord.leadAttributeList.attribute]),
)
for key, record, more in [
    ("Id", {"Id": lead_id}, {}),
    ("ForeignSysPersonId", {"ForeignSysPersonId": f"zeep-{run}", "ForeignSysType": "CUSTOM"}, {}),
    ("Email", {"Email": email.upper()}, {}),
    ("cookie", {}, {"marketoCookie": f"id:zeep&token:{run}"}),
]:
    case(
        f"syncLead updates by {key}",
        ("UPDATED", lead_id),
        lambda record=record, more=more: (lambda got: (got.syncStatus.status, got.leadId))(sync(record, **more)),
    )
case("syncLead with the workspace header", "CREATED", lambda: sync({"Email": f"w-{email}"}, "Europe").syncStatus.status)
case(
    "syncLead into an unknown workspace is a fault with its detail",
    ("20110 - Parameter bad", f"{NS}serviceException", "20110"),
    lambda: fault(lambda: sync({"Email": email}, "Atlantis")),
)
case(
    "a wrong signature is a fault with its detail",
    ("20014 - Authentication failed", f"{NS}serviceException", "20014"),
    lambda: fault(lambda: service.syncLead(leadRecord={"Email": email}, returnLead=False, _soapheaders=headers(key="wrong"))),
)
case(
    "syncMultipleLeads",
    ["CREATED", "UPDATED", "FAILED"],
    lambda: [
        one.status
        for one in service.syncMultipleLeads(
            leadRecordList={"leadRecord": [{"Email": f"m-{email}"}, {"Id": lead_id}, {"Id": 7}]},
            dedupEnabled=True,
            _soapheaders=headers(),
        ).syncStatus
    ],
)
case(
    "getLead by email",
    (1, [lead_id]),
    lambda: (lambda got: (got.count, [one.Id for one in got.leadRecordList.leadRecord]))(
        service.getLead(leadKey={"keyType": "EMAIL", "keyValue": email}, _soapheaders=headers())
    ),
)


def get_many():
    selector = client.get_type("{http://www.marketo.com/mktows/}LeadKeySelector")
    keys = {"stringItem": [email, "no.one.at.all@example.com"]}
    got = service.getMultipleLeads(
        leadSelector=selector(keyType="EMAIL", keyValues=keys), batchSize=100, _soapheaders=headers()
    )
    return (got.returnCount, got.remainingCount, [one.Id for one in got.leadRecordList.leadRecord])


case("getMultipleLeads", (1, 0, [lead_id]), get_many)
case(
    "describeMObject",
    ("Email Suspended At", "dateTime", None, False),
    lambda: next(
        (one.displayName, one.dataType, one.size, one.isReadonly)
        for one in service.describeMObject(objectName="LeadRecord", _soapheaders=headers()).fieldList.field
        if one.name == "EmailSuspendedAt"
    ),
)
sys.exit(1 if failures() else 0)
