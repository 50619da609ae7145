"""Giving the phone back: what recipients are to forget is said, every key goes, and the phone is as it came.

Whatever interrupts it, it goes on at the next start. Four things are written, each durably and each before the next:

1. in the store, in one transaction: that the account is being cancelled, and the notice that says so;
2. the tombstone, a file outside the store: that notice, and by which credential the broker takes it;
3. a mark that names the configuration, which this phone does not use any more: it registers no more with it;
4. the factory reset's marker, by which the next start destroys the keys first and then all else.

The tombstone lives until the broker (or the collector, where one confirms) has the notice and has cleared what it kept
for this device; then it goes too.

A factory reset leaves a tombstone too, made from what was written down before anything left, so that it needs no store
that opens. It cancels nothing: recipients forget one holder, and the phone stays what it is to them.

A tombstone that nobody confirms is given up after 90 days, and the ledger of whoever has the phone then says so.
"""
