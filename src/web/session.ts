/** Where the token is kept: in this tab, until it is closed. */
const key = 'bigdb-cutover-token';

export const session = {
  read: (): string | null => sessionStorage.getItem(key),
  keep: (token: string): void => sessionStorage.setItem(key, token),
  forget: (): void => sessionStorage.removeItem(key),
};
