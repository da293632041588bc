import { useState } from 'react';
import { createLeadClient, type LeadProblem } from './client';

const leads = createLeadClient({ url: 'http://127.0.0.1:8080' });

export default function App() {
  const [message, setMessage] = useState('');
  const subscribe = (form: FormData) =>
    leads.send({ email: String(form.get('email')), attributes: { FirstName: String(form.get('FirstName')) } })
      .then(({ status }) => (status === 'QUEUED' ? 'Kept for later.' : 'Thank you!'), (problem: LeadProblem) => problem.detail)
      .then(setMessage);
  return (
    <form action={subscribe}>
      <input name="email" type="email" placeholder="Email" required />
      <input name="FirstName" placeholder="First name" required />
      <button>Subscribe</button> {message}
    </form>
  );
}
