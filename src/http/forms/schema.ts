import { z } from 'zod';

const field = (description: string) => z.string().optional().meta({ description });

/** The fields of a form, as the descriptions of the API have them (docs/forms.md#fields). Requests are checked as leads. */
export const leadForm = z
  .object({
    email: field('The email address.'),
    marketoCookie: field('The value of the _mkto_trk cookie.'),
    foreignSysPersonId: field('The id of the person in another system.'),
    foreignSysType: field('The system foreignSysPersonId comes from.'),
    workspace: field('The workspace a new lead goes to.'),
    _clear: field('Names of attributes that are cleared if they are empty, separated by commas.'),
  })
  .loose()
  .meta({
    id: 'LeadForm',
    description: 'A lead as the fields of a form: every other field is an attribute.',
    examples: [{ email: 'jane@example.com', FirstName: 'Jane', LastName: 'Doe' }],
  });
