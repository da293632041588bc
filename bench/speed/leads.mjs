// The leads that are sent.
/** The first `count` attributes of a lead; names and kinds as in a form. */
export function attributesOf(index, count) {
  const usual = {
    FirstName: 'Jane',
    LastName: `Doe & Sons ${index}`,
    Company: 'Example Limited',
    Phone: '+44 20 7946 0000',
    LeadScore: index % 100,
    Unsubscribed: index % 2 === 0,
  };
  const more = Array.from({ length: count }, (_, at) => [`CustomField${at}`, `some words ${index + at}`]);
  return Object.fromEntries([...Object.entries(usual), ...more].slice(0, count));
}
