"""What a forecast is put together from: location, scale, shape, adaptation, trees; and how forecasts are scored.

In: a feature frame as arrays (`panel.Panel`). Out: numbers, the same to the bit wherever they are computed. Called by
`versions` and by `training`.
"""
