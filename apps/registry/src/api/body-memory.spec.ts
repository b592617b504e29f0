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

  it('leaves alone who gets the room of one that waited too long', () => {
    take('first', 60).settle();
    take('large', 80);
    take('small', 30);
    time = 1000;
    memory.look();
    expect(events).toEqual(['first', 'large: it waited too long', 'small']);
    expect(memory.used).toBe(90);
  });

  it('gives who holds some and waits for more as long as who holds nothing', () => {
    const held = take('held', 60);
    held.settle();
    const some = take('some', 40);
    take('more', 20, some);
    time = 999;
    memory.look();
    expect(events.splice(0)).toEqual(['held', 'some']);
    held.shrink(0);
    expect(events.splice(0)).toEqual(['more']);
    take('new', 50);
    time = 1100;
    memory.look();
    expect(events).toEqual(['some: it came too slowly while others waited', 'new']);
  });

  it('refuses one of those that hold some and wait for each other, after their patience', () => {
    const shares = ['a', 'b'].map((name) => take(name, 50));
    take('more of a', 10, shares[0]);
    time = 1;
    take('more of b', 10, shares[1]);
    time = 999;
    memory.look();
    expect(events.splice(0)).toEqual(['a', 'b']);
    time = 1000;
    memory.look();
    expect(events).toEqual(['a: it waited too long', 'more of b']);
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
