/** What kind of Aurora endpoint a host name is, by the names that AWS gives; null for any other host. */
export function endpointKind(host: string): 'writer' | 'reader' | 'custom' | 'instance' | null {
  const found = /^[^.]+\.(?:(cluster(?:-ro|-custom)?)-)?[a-z0-9]+\.[a-z0-9-]+\.rds\.amazonaws\.com(?:\.cn)?$/i.exec(
    host,
  );
  if (found === null) return null;
  switch (found[1]?.toLowerCase()) {
    case 'cluster':
      return 'writer';
    case 'cluster-ro':
      return 'reader';
    case 'cluster-custom':
      return 'custom';
    default:
      return 'instance';
  }
}
