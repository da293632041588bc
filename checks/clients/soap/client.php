<?php
// PHP's SoapClient against the sandbox: php client.php <endpoint>. A line a case; ends with 1 when one fails.
declare(strict_types=1);
ini_set('soap.wsdl_cache_enabled', '0');

const NS = 'http://www.marketo.com/mktows/';
$endpoint = $argv[1];
$failures = 0;

function client(string $endpoint, array $options = []): SoapClient
{
    return new SoapClient("$endpoint?WSDL", $options + ['trace' => true, 'exceptions' => true]);
}

function headers(?string $workspace = null, string $key = 'sandbox-encryption-key'): array
{
    $timestamp = date(DATE_W3C);
    $headers = [new SoapHeader(NS, 'AuthenticationHeader', (object) [
        'mktowsUserId' => 'sandbox',
        'requestSignature' => hash_hmac('sha1', $timestamp . 'sandbox', $key),
        'requestTimestamp' => $timestamp,
    ])];
    if ($workspace !== null) {
        $headers[] = new SoapHeader(NS, 'MktowsContextHeader', (object) ['targetWorkspace' => $workspace]);
    }
    return $headers;
}

function call(SoapClient $client, string $operation, array $params, ?string $workspace = null)
{
    return $client->__soapCall($operation, [$params], null, headers($workspace));
}

function check(string $what, $expected, callable $work): void
{
    global $failures;
    try {
        $got = $work();
    } catch (SoapFault $fault) {
        $got = 'fault ' . $fault->faultstring;
    } catch (Throwable $error) {
        $got = (string) $error;
    }
    $good = $got == $expected;
    $failures += $good ? 0 : 1;
    echo 'php SoapClient: ', $good ? 'ok' : 'FAILED', " - $what\n";
    if (!$good) {
        echo '  expected ', json_encode($expected), ', got ', json_encode($got), "\n";
    }
}

$run = uniqid();
$client = client($endpoint);
$email = "php-$run@example.com";
$record = fn (array $keys, array $more = []) => ['leadRecord' => $keys, 'returnLead' => false] + $more;
$status = fn ($answer) => $answer->result->syncStatus->status;

check('loads the WSDL', 5, fn () => count($client->__getFunctions()));
$id = 0;
check('syncLead creates and returns the lead', ['CREATED', $email, 'Zoë & <b> 😀', '02134'], function () use ($client, $email, $run, &$id) {
    $answer = call($client, 'syncLead', [
        'leadRecord' => [
            'Email' => $email, 'ForeignSysPersonId' => "php-$run", 'ForeignSysType' => 'SFDC',
            'leadAttributeList' => ['attribute' => [
                ['attrName' => 'FirstName', 'attrValue' => 'Zoë & <b> 😀'],
                ['attrName' => 'PostalCode', 'attrType' => 'string', 'attrValue' => '02134'],
            ]],
        ],
        'returnLead' => true,
        'marketoCookie' => "id:php&token:$run",
    ]);
    $id = $answer->result->leadId;
    $lead = $answer->result->leadRecord;
    [$first, $second] = $lead->leadAttributeList->attribute;
    return [$answer->result->syncStatus->status, $lead->Email, $first->attrValue, $second->attrValue];
});
foreach ([
    'Id' => $record(['Id' => $id]),
    'ForeignSysPersonId' => $record(['ForeignSysPersonId' => "php-$run", 'ForeignSysType' => 'SFDC']),
    'Email' => $record(['Email' => strtoupper($email)]),
    'cookie' => $record([], ['marketoCookie' => "id:php&token:$run"]),
] as $key => $params) {
    check("syncLead updates by $key", ['UPDATED', $id], function () use ($client, $params) {
        $answer = call($client, 'syncLead', $params);
        return [$answer->result->syncStatus->status, $answer->result->leadId];
    });
}
check('syncLead with the workspace header', 'CREATED', fn () => $status(call($client, 'syncLead', $record(['Email' => "w-$email"]), 'Europe')));
check('syncLead into an unknown workspace', 'fault 20110 - Parameter bad', fn () => call($client, 'syncLead', $record(['Email' => $email]), 'Atlantis'));
check('an unknown field', 'fault 20105 - Unknown lead field', fn () => call($client, 'syncLead', $record([
    'Email' => $email, 'leadAttributeList' => ['attribute' => [['attrName' => 'pants', 'attrValue' => '1']]],
])));
check('the detail of a fault', [20103, "No lead found with IDNUM = 7 (20103)"], function () use ($client) {
    try {
        call($client, 'getLead', ['leadKey' => ['keyType' => 'IDNUM', 'keyValue' => '7']]);
    } catch (SoapFault $fault) {
        return [$fault->detail->serviceException->code, $fault->detail->serviceException->message];
    }
});
check('a wrong signature', 'fault 20014 - Authentication failed', fn () => $client->__soapCall('syncLead', [$record(['Email' => $email])], null, headers(null, 'wrong')));
check('syncMultipleLeads', ['CREATED', 'UPDATED', 'FAILED'], function () use ($client, $email, $id) {
    $answer = call($client, 'syncMultipleLeads', [
        'leadRecordList' => ['leadRecord' => [['Email' => "m-$email"], ['Id' => $id], ['Id' => 7]]],
        'dedupEnabled' => true,
    ]);
    return array_map(fn ($one) => $one->status, $answer->result->syncStatusList->syncStatus);
});
check('getLead by email', [1, $id], function () use ($client, $email) {
    $answer = call($client, 'getLead', ['leadKey' => ['keyType' => 'EMAIL', 'keyValue' => $email]]);
    $lead = $answer->result->leadRecordList->leadRecord;
    return [$answer->result->count, (is_array($lead) ? $lead[0] : $lead)->Id];
});
check('getMultipleLeads', [1, 0, $id, ['FirstName']], function () use ($client, $email) {
    $selector = ['keyType' => 'EMAIL', 'keyValues' => ['stringItem' => [$email, 'no.one.at.all@example.com']]];
    $result = call($client, 'getMultipleLeads', [
        'leadSelector' => new SoapVar($selector, SOAP_ENC_OBJECT, 'LeadKeySelector', 'http://www.marketo.com/mktows/'),
        'batchSize' => 100,
        'includeAttributes' => ['stringItem' => ['FirstName']],
    ])->result;
    $lead = $result->leadRecordList->leadRecord;
    $lead = is_array($lead) ? $lead[0] : $lead;
    $attributes = $lead->leadAttributeList->attribute;
    return [$result->returnCount, $result->remainingCount, $lead->Id, array_map(fn ($one) => $one->attrName, is_array($attributes) ? $attributes : [$attributes])];
});
check('another selector', 'fault 20019 - Unsupported operation', fn () => call($client, 'getMultipleLeads', [
    'leadSelector' => new SoapVar(['staticListName' => 'a.b'], SOAP_ENC_OBJECT, 'StaticListSelector', 'http://www.marketo.com/mktows/'),
]));
check('describeMObject', ['integer', 'dateTime'], function () use ($client) {
    $types = [];
    foreach (call($client, 'describeMObject', ['objectName' => 'LeadRecord'])->result->metadata->fieldList->field as $field) {
        $types[$field->name] = $field->dataType;
    }
    return [$types['NumberOfEmployees'], $types['EmailSuspendedAt']];
});
check('an object that is not there', 'fault 20110 - Parameter bad', fn () => call($client, 'describeMObject', ['objectName' => 'ActivityRecord']));
check('a packed request', 'UPDATED', fn () => $status(call(
    client($endpoint, ['compression' => SOAP_COMPRESSION_ACCEPT | SOAP_COMPRESSION_GZIP | 9]), 'syncLead', $record(['Email' => $email]),
)));
check('an ISO-8859-1 client', '5a6feb', function () use ($endpoint, $email, $record) {
    $latin = client($endpoint, ['encoding' => 'ISO-8859-1']);
    $answer = call($latin, 'syncLead', ['returnLead' => true, 'leadRecord' => [
        'Email' => $email, 'leadAttributeList' => ['attribute' => [['attrName' => 'FirstName', 'attrValue' => "Zo\xeb"]]],
    ]]);
    return bin2hex($answer->result->leadRecord->leadAttributeList->attribute[0]->attrValue);
});
check('without a WSDL', 'UPDATED', function () use ($endpoint, $email) {
    $bare = new SoapClient(null, ['location' => $endpoint, 'uri' => NS, 'style' => SOAP_DOCUMENT, 'use' => SOAP_LITERAL]);
    $body = "<ns1:paramsSyncLead xmlns:ns1=\"" . NS . "\"><leadRecord><Email>$email</Email></leadRecord><returnLead>0</returnLead></ns1:paramsSyncLead>";
    $answer = $bare->__soapCall('syncLead', [new SoapVar($body, XSD_ANYXML)], ['soapaction' => NS . 'syncLead'], headers());
    return $answer->syncStatus->status;
});
exit($failures === 0 ? 0 : 1);
