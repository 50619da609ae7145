"""What a person sees and hears of the phone beside its calls; pure pages come from firmware.screens."""
