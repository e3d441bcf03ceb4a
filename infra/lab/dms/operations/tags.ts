import { z } from 'zod';
import { notFound } from '../errors.ts';
import type { Region } from '../region.ts';
import { type Operation, operation, tagsSchema } from './shared.ts';

export function setTags(region: Region, arn: string, tags: readonly { Key: string; Value: string }[]): void {
  const kept = region.tags.get(arn) ?? new Map<string, string>();
  for (const { Key, Value } of tags) kept.set(Key, Value);
  region.tags.set(arn, kept);
}

function existing(region: Region, arn: string): Map<string, string> {
  if (!region.tasks.has(arn) && !region.endpoints.has(arn) && !region.instances.has(arn)) {
    throw notFound(`Resource ${arn} not found`);
  }
  return region.tags.get(arn) ?? new Map<string, string>();
}

export const tagOperations: Readonly<Record<string, Operation>> = {
  AddTagsToResource: operation(z.object({ ResourceArn: z.string(), Tags: tagsSchema }), (input, region) => {
    existing(region, input.ResourceArn);
    setTags(region, input.ResourceArn, input.Tags);
    return {};
  }),
  RemoveTagsFromResource: operation(
    z.object({ ResourceArn: z.string(), TagKeys: z.array(z.string()) }),
    (input, region) => {
      const tags = existing(region, input.ResourceArn);
      for (const key of input.TagKeys) tags.delete(key);
      return {};
    },
  ),
  ListTagsForResource: operation(
    z.object({ ResourceArn: z.string().optional(), ResourceArnList: z.array(z.string()).optional() }),
    (input, region) => {
      const arns = input.ResourceArnList ?? (input.ResourceArn === undefined ? [] : [input.ResourceArn]);
      return {
        TagList: arns.flatMap((arn) =>
          [...existing(region, arn)].map(([Key, Value]) => ({ Key, Value, ResourceArn: arn })),
        ),
      };
    },
  ),
};
