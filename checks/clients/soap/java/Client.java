import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.xml.ws.BindingProvider;
import mktows.*;

/** JAX-WS, with classes generated from the WSDL, against the sandbox: Client <endpoint>. */
public class Client {
    private static int failures = 0;
    private static final ObjectFactory FACTORY = new ObjectFactory();

    public static void main(String[] arguments) throws Exception {
        String endpoint = arguments[0];
        MktMktowsApiService service = new MktMktowsApiService(new java.net.URL(endpoint + "?WSDL"));
        MktowsPort port = service.getMktowsApiSoapPort();
        ((BindingProvider) port).getRequestContext().put(BindingProvider.ENDPOINT_ADDRESS_PROPERTY, endpoint);
        String run = Long.toHexString(System.nanoTime());
        String email = "java-" + run + "@example.com";
        String cookie = "id:java&token:" + run;

        LeadRecord lead = record(null, email, "java-" + run, ForeignSysType.CUSTOM);
        ArrayOfAttribute attributes = new ArrayOfAttribute();
        attributes.getAttribute().add(attribute("FirstName", "Zo\u00eb & <b> \ud83d\ude00"));
        attributes.getAttribute().add(attribute("PostalCode", "02134"));
        lead.setLeadAttributeList(FACTORY.createLeadRecordLeadAttributeList(attributes));
        SuccessSyncLead created = port.syncLead(params(lead, true, cookie), authentication(), null);
        int id = created.getResult().getLeadId();
        check("syncLead creates, with the context header nil", LeadSyncStatus.CREATED,
            () -> created.getResult().getSyncStatus().getStatus());
        check("syncLead returns the lead", List.of(email, "Zo\u00eb & <b> \ud83d\ude00", "02134"), () -> {
            LeadRecord got = created.getResult().getLeadRecord().getValue();
            List<Attribute> list = got.getLeadAttributeList().getValue().getAttribute();
            return List.of(got.getEmail().getValue(), list.get(0).getAttrValue(), list.get(1).getAttrValue());
        });
        Map<String, ParamsSyncLead> keys = Map.of(
            "Id", params(record(id, null, null, null), false, null),
            "ForeignSysPersonId", params(record(null, null, "java-" + run, ForeignSysType.CUSTOM), false, null),
            "Email", params(record(null, email.toUpperCase(), null, null), false, null),
            "cookie", params(record(null, null, null, null), false, cookie));
        for (Map.Entry<String, ParamsSyncLead> key : keys.entrySet()) {
            check("syncLead updates by " + key.getKey(), List.of(LeadSyncStatus.UPDATED, id), () -> {
                ResultSyncLead result = port.syncLead(key.getValue(), authentication(), null).getResult();
                return List.of(result.getSyncStatus().getStatus(), result.getLeadId());
            });
        }
        check("syncLead with the workspace header", LeadSyncStatus.CREATED, () -> port
            .syncLead(params(record(null, "w-" + email, null, null), false, null), authentication(), context("Europe"))
            .getResult().getSyncStatus().getStatus());
        check("a fault with its detail", List.of("20110 - Parameter bad", "20110"), () -> {
            try {
                port.syncLead(params(record(null, email, null, null), false, null), authentication(), context("Atlantis"));
            } catch (ServiceException_Exception fault) {
                return List.of(fault.getMessage(), fault.getFaultInfo().getCode());
            }
            return null;
        });
        check("syncMultipleLeads", List.of(LeadSyncStatus.CREATED, LeadSyncStatus.UPDATED, LeadSyncStatus.FAILED), () -> {
            ParamsSyncMultipleLeads many = new ParamsSyncMultipleLeads();
            many.setLeadRecordList(new ArrayOfLeadRecord());
            many.getLeadRecordList().getLeadRecord().addAll(Arrays.asList(
                record(null, "m-" + email, null, null), record(id, null, null, null), record(7, null, null, null)));
            many.setDedupEnabled(FACTORY.createParamsSyncMultipleLeadsDedupEnabled(true));
            return port.syncMultipleLeads(many, authentication()).getResult().getSyncStatusList().getSyncStatus()
                .stream().map(SyncStatus::getStatus).collect(Collectors.toList());
        });
        check("getLead by email", List.of(1, id), () -> {
            ParamsGetLead get = new ParamsGetLead();
            get.setLeadKey(new LeadKey());
            get.getLeadKey().setKeyType(LeadKeyRef.EMAIL);
            get.getLeadKey().setKeyValue(email);
            ResultGetLead result = port.getLead(get, authentication()).getResult();
            return List.of(result.getCount(), result.getLeadRecordList().getLeadRecord().get(0).getId().getValue());
        });
        check("getMultipleLeads", List.of(1, id), () -> {
            LeadKeySelector selector = new LeadKeySelector();
            selector.setKeyType(LeadKeyRef.EMAIL);
            ArrayOfString wanted = new ArrayOfString();
            wanted.getStringItem().addAll(List.of(email, "no.one.at.all@example.com"));
            selector.setKeyValues(wanted);
            ParamsGetMultipleLeads many = new ParamsGetMultipleLeads();
            many.setLeadSelector(selector);
            ResultGetMultipleLeads result = port.getMultipleLeads(many, authentication()).getResult();
            return List.of(result.getReturnCount(), result.getLeadRecordList().getLeadRecord().get(0).getId().getValue());
        });
        check("describeMObject", "currency", () -> {
            ParamsDescribeMObject describe = new ParamsDescribeMObject();
            describe.setObjectName("LeadRecord");
            MObjectMetadata metadata = port.describeMObject(describe, authentication()).getResult().getMetadata();
            return metadata.getFieldList().getValue().getField().stream()
                .filter(field -> field.getName().equals("AnnualRevenue")).findFirst().get().getDataType();
        });
        System.exit(failures == 0 ? 0 : 1);
    }

    private static AuthenticationHeader authentication() throws Exception {
        String timestamp = OffsetDateTime.now().truncatedTo(ChronoUnit.SECONDS).toString();
        Mac mac = Mac.getInstance("HmacSHA1");
        mac.init(new SecretKeySpec("sandbox-encryption-key".getBytes(StandardCharsets.UTF_8), "HmacSHA1"));
        StringBuilder hex = new StringBuilder();
        for (byte one : mac.doFinal((timestamp + "sandbox").getBytes(StandardCharsets.UTF_8))) {
            hex.append(String.format("%02x", one));
        }
        AuthenticationHeader header = new AuthenticationHeader();
        header.setMktowsUserId("sandbox");
        header.setRequestSignature(hex.toString());
        header.setRequestTimestamp(timestamp);
        return header;
    }

    private static MktowsContextHeader context(String workspace) {
        MktowsContextHeader header = new MktowsContextHeader();
        header.setTargetWorkspace(workspace);
        return header;
    }

    private static LeadRecord record(Integer id, String email, String foreignId, ForeignSysType type) {
        LeadRecord record = new LeadRecord();
        if (id != null) record.setId(FACTORY.createLeadRecordId(id));
        if (email != null) record.setEmail(FACTORY.createLeadRecordEmail(email));
        record.setForeignSysPersonId(FACTORY.createLeadRecordForeignSysPersonId(foreignId));
        record.setForeignSysType(FACTORY.createLeadRecordForeignSysType(type));
        return record;
    }

    private static Attribute attribute(String name, String value) {
        Attribute attribute = new Attribute();
        attribute.setAttrName(name);
        attribute.setAttrValue(value);
        return attribute;
    }

    private static ParamsSyncLead params(LeadRecord record, boolean returnLead, String cookie) {
        ParamsSyncLead params = new ParamsSyncLead();
        params.setLeadRecord(record);
        params.setReturnLead(returnLead);
        params.setMarketoCookie(FACTORY.createParamsSyncLeadMarketoCookie(cookie));
        return params;
    }

    private static void check(String what, Object expected, Callable<Object> work) {
        Object got;
        try {
            got = work.call();
        } catch (Exception error) {
            got = error;
        }
        boolean good = Objects.equals(expected, got);
        System.out.println("java JAX-WS: " + (good ? "ok" : "FAILED") + " - " + what);
        if (!good) {
            failures++;
            System.out.println("  expected " + expected + ", got " + got);
        }
    }
}
