"""`make bench`: the handset beside baresip and linphone, in one run, on the same sound devices."""
