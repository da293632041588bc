curl -X PUT http://127.0.0.1:8080/leads \
  -H 'Content-Type: application/json' -H 'X-API-Key: lgs_…' \
  -d '{ "email": "jane@example.com", "attributes": { "FirstName": "Jane" } }'
