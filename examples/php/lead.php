<?php
$lead = ['email' => 'jane@example.com', 'attributes' => ['FirstName' => 'Jane']];
$context = stream_context_create(['http' => [
    'method' => 'PUT',
    'header' => 'Content-Type: application/json',
    'content' => json_encode($lead, JSON_THROW_ON_ERROR),
    'timeout' => 30,
    'ignore_errors' => true, // gives the problem document instead of false
]]);
$answer = json_decode(file_get_contents('http://127.0.0.1:8080/leads', false, $context), true);
if (!isset($answer['leadId'])) {
    fwrite(STDERR, ($answer['title'] ?? 'No answer') . ': ' . ($answer['detail'] ?? 'is the gateway up?') . "\n");
    exit(1);
}
echo "{$answer['status']} {$answer['leadId']}\n";
