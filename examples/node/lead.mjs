const response = await fetch('http://127.0.0.1:8080/leads', {
  method: 'PUT',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ email: 'jane@example.com', attributes: { FirstName: 'Jane' } }),
});
const answer = await response.json();
if (!response.ok) throw new Error(`${answer.title}: ${answer.detail}`);
console.log(answer.status, answer.leadId);
