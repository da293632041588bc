/** Every encryption key a test uses, in lower case. None of them may ever be seen in a log, a response or an error. */
export const SECRETS: readonly string[] = ['sandbox-encryption-key', 'a-secret-key-for-tests', '27272727aa'];

export const TEST_KEY = 'a-secret-key-for-tests';
