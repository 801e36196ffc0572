"""A proven combo in the forms that installers take, each headed by its evidence. Pure: text in, text out."""
