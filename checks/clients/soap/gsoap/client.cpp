// gSOAP, with code generated from the WSDL, against the sandbox: client <endpoint>.
#include <ctime>
#include <iostream>
#include <openssl/hmac.h>
#include <string>

#include "MktowsApiSoapBinding.nsmap"
#include "soapMktowsApiSoapBindingProxy.h"

static int failures = 0;

template <class Got, class Expected> static void check(const char *what, const Got &got, const Expected &expected) {
  bool good = got == expected;
  std::cout << "c++ gSOAP: " << (good ? "ok" : "FAILED") << " - " << what << std::endl;
  if (!good) failures++;
}

static std::string hmacSha1(const std::string &key, const std::string &message) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char *>(message.data()),
       message.size(), digest, &length);
  static const char *digits = "0123456789abcdef";
  std::string hex;
  for (unsigned int at = 0; at < length; at++) {
    hex += digits[digest[at] >> 4];
    hex += digits[digest[at] & 15];
  }
  return hex;
}

/** gSOAP sends mustUnderstand="1" on both headers. */
static void addHeaders(struct soap *soap, const char *workspace) {
  char timestamp[32];
  time_t now = time(nullptr);
  strftime(timestamp, sizeof timestamp, "%Y-%m-%dT%H:%M:%S+00:00", gmtime(&now));
  soap_header(soap);
  auto *authentication = soap_new_ns1__AuthenticationHeader(soap);
  authentication->mktowsUserId = "sandbox";
  authentication->requestTimestamp = timestamp;
  authentication->requestSignature = hmacSha1("sandbox-encryption-key", std::string(timestamp) + "sandbox");
  soap->header->ns1__AuthenticationHeader_ = authentication;
  soap->header->ns1__MktowsContextHeader_ = nullptr;
  if (workspace) {
    auto *context = soap_new_ns1__MktowsContextHeader(soap);
    context->targetWorkspace = workspace;
    soap->header->ns1__MktowsContextHeader_ = context;
  }
}

int main(int, char **arguments) {
  MktowsApiSoapBindingProxy proxy(SOAP_C_UTFSTRING);
  proxy.soap_endpoint = arguments[1];
  struct soap *soap = proxy.soap;
  std::string run = std::to_string(time(nullptr)) + std::to_string(clock());
  std::string email = "gsoap-" + run + "@example.com", shouted = "GSOAP-" + run + "@EXAMPLE.COM";
  std::string foreignId = "gsoap-" + run, cookie = "id:gsoap&token:" + run;
  auto custom = ns1__ForeignSysType::CUSTOM;

  auto sync = [&](ns1__LeadRecord &record, bool returnLead, std::string *withCookie, const char *workspace) {
    addHeaders(soap, workspace);
    auto *params = soap_new_ns1__ParamsSyncLead(soap);
    params->leadRecord = &record;
    params->returnLead = returnLead;
    params->marketoCookie = withCookie;
    auto *answer = soap_new_ns1__SuccessSyncLead(soap);
    return proxy.syncLead(params, *answer) == SOAP_OK ? answer->result : nullptr;
  };
  auto updated = [](ns1__ResultSyncLead *result, int id) {
    return result && result->leadId == id && result->syncStatus->status == ns1__LeadSyncStatus::UPDATED;
  };

  ns1__LeadRecord lead;
  lead.Email = &email;
  lead.ForeignSysPersonId = &foreignId;
  lead.ForeignSysType = &custom;
  ns1__Attribute first;
  first.attrName = "FirstName";
  first.attrValue = "Zo\xc3\xab & <b>";
  ns1__ArrayOfAttribute attributes;
  attributes.attribute.push_back(&first);
  lead.leadAttributeList = &attributes;
  auto *created = sync(lead, true, &cookie, nullptr);
  if (!created) proxy.soap_stream_fault(std::cerr);
  check("syncLead creates", created && created->syncStatus->status == ns1__LeadSyncStatus::CREATED, true);
  if (!created) return 1;
  int id = created->leadId;
  check("syncLead returns the lead", created->leadRecord->leadAttributeList->attribute[0]->attrValue, first.attrValue);

  ns1__LeadRecord byId, byForeignId, byEmail, byCookie, other;
  byId.Id = &id;
  byForeignId.ForeignSysPersonId = &foreignId;
  byForeignId.ForeignSysType = &custom;
  byEmail.Email = &shouted;
  check("syncLead updates by Id", updated(sync(byId, false, nullptr, nullptr), id), true);
  check("syncLead updates by ForeignSysPersonId", updated(sync(byForeignId, false, nullptr, nullptr), id), true);
  check("syncLead updates by Email", updated(sync(byEmail, false, nullptr, nullptr), id), true);
  check("syncLead updates by cookie", updated(sync(byCookie, false, &cookie, nullptr), id), true);
  std::string otherEmail = "w-" + email;
  other.Email = &otherEmail;
  auto *elsewhere = sync(other, false, nullptr, "Europe");
  check("syncLead with the workspace header", elsewhere && elsewhere->syncStatus->status == ns1__LeadSyncStatus::CREATED, true);
  check("a fault is read", sync(byEmail, false, nullptr, "Atlantis") == nullptr, true);
  check("with its text", std::string(proxy.soap_fault_string()), std::string("20110 - Parameter bad"));
  auto *detail = soap->fault ? soap->fault->detail : nullptr;
  check("and its detail", detail && detail->ns1__serviceException ? detail->ns1__serviceException->code : "", std::string("20110"));

  ns1__ArrayOfLeadRecord list;
  list.leadRecord = {&other, &byId};
  ns1__ParamsSyncMultipleLeads many;
  bool dedup = true;
  many.leadRecordList = &list;
  many.dedupEnabled = &dedup;
  addHeaders(soap, nullptr);
  ns1__SuccessSyncMultipleLeads statuses;
  check("syncMultipleLeads", proxy.syncMultipleLeads(&many, statuses) == SOAP_OK && statuses.result->syncStatusList->syncStatus.size() == 2, true);

  ns1__LeadKey key;
  key.keyType = ns1__LeadKeyRef::EMAIL;
  key.keyValue = email;
  ns1__ParamsGetLead get;
  get.leadKey = &key;
  addHeaders(soap, nullptr);
  ns1__SuccessGetLead found;
  check("getLead by email", proxy.getLead(&get, found) == SOAP_OK && *found.result->leadRecordList->leadRecord[0]->Id == id, true);

  ns1__ArrayOfString keys;
  keys.stringItem = {email, "no.one.at.all@example.com"};
  ns1__LeadKeySelector selector;
  selector.keyType = ns1__LeadKeyRef::EMAIL;
  selector.keyValues = &keys;
  ns1__ParamsGetMultipleLeads getMany;
  getMany.leadSelector = &selector;
  addHeaders(soap, nullptr);
  ns1__SuccessGetMultipleLeads foundMany;
  check("getMultipleLeads", proxy.getMultipleLeads(&getMany, foundMany) == SOAP_OK && foundMany.result->returnCount == 1 && *foundMany.result->leadRecordList->leadRecord[0]->Id == id, true);

  ns1__ParamsDescribeMObject describe;
  describe.objectName = "LeadRecord";
  addHeaders(soap, nullptr);
  ns1__SuccessDescribeMObject described;
  check("describeMObject", proxy.describeMObject(&describe, described) == SOAP_OK && described.result->metadata->fieldList->field.size() > 50, true);
  proxy.destroy();
  return failures == 0 ? 0 : 1;
}
