import { beforeEach, describe, expect, it } from '@jest/globals';

import { BodyMemory, type BodyShare } from './body-memory.js';

const limits = { waiting: 2, patience: 1000, grace: 100 };

describe('BodyMemory', () => {
  let time: number;
  let memory: BodyMemory;
  let events: string[];

  beforeEach(() => {
    time = 0;
    events = [];
    memory = new BodyMemory(100, limits, () => time);
  });

  function open(name: string): BodyShare {
    const share = memory.open(({ detail }) => {
      events.push(`${name}: ${(detail as { reason: string }).reason}`);
      share.end();
    });
    return share;
  }

  function take(name: string, bytes: number, share = open(name)): BodyShare {
    share.take(bytes, () => events.push(name));
    return share;
  }

  it('gives what is there, and takes it back once', () => {
    const first = take('first', 60);
    take('more', 40, first);
    expect([events, memory.used]).toEqual([['first', 'more'], 100]);
    first.shrink(30);
    expect(memory.used).toBe(30);
    first.end();
    first.end();
    expect(memory.used).toBe(0);
  });

  it('lets those who find no room wait in turn, the small behind the large', () => {
    const first = take('first', 60);
    take('large', 80);
    take('small', 10);
    expect(events).toEqual(['first']);
    first.end();
    expect(events).toEqual(['first', 'large', 'small']);
  });

  it('refuses the one that waited too long, and the one too many', () => {
    take('first', 60).settle();
    take('large', 80);
    time = 500;
    take('second', 90);
    take('third', 1);
    expect(events).toEqual(['first', 'third: too many wait already']);
    time = 1000;
    memory.look();
    expect(events.slice(2)).toEqual(['large: it waited too long']);
    expect(memory.used).toBe(60);
  });

  it('refuses what makes no progress, the longest first, and no more of it than has to go', () => {
    const shares = ['a', 'b', 'c', 'd'].map((name) => take(name, 25));
    shares[2]?.settle();
    time = 60;
    shares[0]?.moved();
    time = 1000;
    memory.look();
    expect(events.splice(0)).toEqual(['a', 'b', 'c', 'd']);
    take('new', 50);
    expect(events).toEqual([
      'b: it came too slowly while others waited',
      'd: it came too slowly while others waited',
      'new',
    ]);
  });

  it('leaves alone what moved a moment ago, and what has all come', () => {
    take('settled', 50).settle();
    const moving = take('moving', 50);
    time = 150;
    moving.moved();
    take('new', 1);
    memory.look();
    expect(events).toEqual(['settled', 'moving']);
    time = 250;
    memory.look();
    expect(events.slice(2)).toEqual(['moving: it came too slowly while others waited', 'new']);
  });

  it('forgets who leaves while it waits', () => {
    const first = take('first', 100);
    take('second', 10).end();
    take('third', 10);
    first.end();
    expect([events, memory.used]).toEqual([['first', 'third'], 10]);
  });
});
