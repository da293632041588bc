"""suds against the sandbox: client_suds.py <endpoint>. A line a case; ends with 1 when one fails."""

import sys
import uuid

import suds
from shared import check, failures, signed
from suds.client import Client

endpoint = sys.argv[1]
run = uuid.uuid4().hex
email = f"suds-{run}@example.com"
client = Client(f"{endpoint}?WSDL", cache=None)
NS = "http://www.marketo.com/mktows/"


def headers(workspace=None, key="sandbox-encryption-key"):
    authentication = client.factory.create("AuthenticationHeader")
    for name, value in signed(key).items():
        setattr(authentication, name, value)
    made = [authentication]
    if workspace is not None:
        context = client.factory.create("MktowsContextHeader")
        context.targetWorkspace = workspace
        made.append(context)
    return made


def record(**keys):
    made = client.factory.create("LeadRecord")
    for name, value in keys.items():
        setattr(made, name, value)
    return made


def attributes(**values):
    made = client.factory.create("ArrayOfAttribute")
    for name, value in values.items():
        one = client.factory.create("Attribute")
        one.attrName, one.attrValue = name, value
        made.attribute.append(one)
    return made


def sync(lead, workspace=None, return_lead=False, cookie=None):
    client.set_options(soapheaders=headers(workspace))
    return client.service.syncLead(lead, return_lead, cookie)


def fault(work):
    try:
        work()
    except suds.WebFault as caught:
        return (str(caught.fault.faultstring), str(caught.fault.detail.serviceException.code))
    return None


def case(what, expected, work):
    check("python suds", what, expected, work)


created = sync(
    record(
        Email=email,
        ForeignSysPersonId=f"suds-{run}",
        ForeignSysType="NETSUITE",
        leadAttributeList=attributes(FirstName="Zoë & <b> 😀", PostalCode="02134"),
    ),
    return_lead=True,
    cookie=f"id:suds&token:{run}",
)
lead_id = created.leadId
case("syncLead creates", "CREATED", lambda: created.syncStatus.status)
case(
    "syncLead returns the lead",
    (email, ["Zoë & <b> 😀", "02134"]),
    lambda: (created.leadRecord.Email, [one.attrValue for one in created.leadRecord.leadAttributeList.attribute]),
)
for key, lead, cookie in [
    ("Id", record(Id=lead_id), None),
    ("ForeignSysPersonId", record(ForeignSysPersonId=f"suds-{run}", ForeignSysType="NETSUITE"), None),
    ("Email", record(Email=email.upper()), None),
    ("cookie", record(), f"id:suds&token:{run}"),
]:
    case(
        f"syncLead updates by {key}",
        ("UPDATED", lead_id),
        lambda lead=lead, cookie=cookie: (lambda got: (got.syncStatus.status, got.leadId))(sync(lead, cookie=cookie)),
    )
case("syncLead with the workspace header", "CREATED", lambda: sync(record(Email=f"w-{email}"), "Europe").syncStatus.status)
case(
    "syncLead into an unknown workspace is a fault with its detail",
    ("20110 - Parameter bad", "20110"),
    lambda: fault(lambda: sync(record(Email=email), "Atlantis")),
)


def sync_many():
    many = client.factory.create("ArrayOfLeadRecord")
    many.leadRecord = [record(Email=f"m-{email}"), record(Id=lead_id), record(Id=7)]
    client.set_options(soapheaders=headers())
    return [one.status for one in client.service.syncMultipleLeads(many, True).syncStatusList.syncStatus]


def get_by_email():
    key = client.factory.create("LeadKey")
    key.keyType, key.keyValue = "EMAIL", email
    client.set_options(soapheaders=headers())
    got = client.service.getLead(key)
    return (got.count, [one.Id for one in got.leadRecordList.leadRecord])


case("syncMultipleLeads", ["CREATED", "UPDATED", "FAILED"], sync_many)
case("getLead by email", (1, [lead_id]), get_by_email)


def get_many():
    selector = client.factory.create("LeadKeySelector")
    selector.keyType = "EMAIL"
    selector.keyValues.stringItem = [email, "no.one.at.all@example.com"]
    client.set_options(soapheaders=headers())
    got = client.service.getMultipleLeads(selector, None, None, 100)
    return (got.returnCount, got.remainingCount, [one.Id for one in got.leadRecordList.leadRecord])


case("getMultipleLeads", (1, 0, [lead_id]), get_many)


def describe_lead():
    client.set_options(soapheaders=headers())
    metadata = client.service.describeMObject("LeadRecord").metadata
    return {one.name: (one.dataType, one.size) for one in metadata.fieldList.field}["FirstName"]


case("describeMObject", ("string", 255), describe_lead)
sys.exit(1 if failures() else 0)
