"""Families of models that rank items, one a module; `lepton.recommend.roster` names them."""
