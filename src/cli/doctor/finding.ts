/** What one step of the examination has shown, in words for the operator. A `note` keeps nothing from working. */
export type Finding = {
  readonly state: 'ok' | 'note' | 'fault';
  readonly subject:
    | 'configuration'
    | 'upstream'
    | 'DNS'
    | 'proxy'
    | 'connection'
    | 'certificate'
    | 'clock'
    | 'credentials'
    | 'workspace'
    | 'answer'
    | 'Redis';
  readonly message: string;
};
