export * from './base.ts';
export * from './directory.ts';
export * from './flip.ts';
export * from './place.ts';
export * from './replication.ts';
export * from './routing.ts';
export * from './service.ts';
export * from './store.ts';
