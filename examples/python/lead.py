import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

lead = {"email": "jane@example.com", "attributes": {"FirstName": "Jane"}}
request = Request(
    "http://127.0.0.1:8080/leads",
    method="PUT",
    headers={"Content-Type": "application/json"},
    data=json.dumps(lead).encode(),
)
try:
    with urlopen(request, timeout=30) as response:
        answer = json.load(response)
    print(answer["status"], answer["leadId"])
except HTTPError as error:
    problem = json.load(error)
    raise SystemExit(f"{problem['title']}: {problem['detail']}")
